"""In place of the package: a tool is made with its client, and is run."""


class BaseTool:
    def __init__(self, **given):
        self.__dict__.update(given)
