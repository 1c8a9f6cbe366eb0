"""In place of the package: what the toolkits take from it, which says what a model may pass and does nothing when a tool runs."""


class BaseModel:
    pass


def Field(**_about):
    return None
