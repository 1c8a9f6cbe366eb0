"""Calls everything that the published clients can do, with nothing changed but the base URL. Reads keys and ids as JSON; writes one line of JSON
for each call: its name, and the result or the class and attributes of what was raised."""

import asyncio
import json
import sys
import warnings

warnings.simplefilter("ignore")

from multimail import AsyncMultiMail, MultiMail  # noqa: E402
from langchain_multimail import MultiMailToolkit as LangChain  # noqa: E402
from crewai_multimail import MultiMailToolkit as CrewAI  # noqa: E402

given = json.load(sys.stdin)
URL, IDS = given["url"], given["ids"]
MAILBOX, EMAIL = IDS["mailbox_id"], IDS["email_id"]


def tell(name, call):
    try:
        result = call()
    except Exception as error:
        about = {key: getattr(error, key, None) for key in ("status_code", "body", "retry_after")}
        print(json.dumps({"name": name, "raised": type(error).__name__, "message": str(error), **about}))
        return None
    shown = result.decode() if isinstance(result, bytes) else result
    print(json.dumps({"name": name, "result": shown}))
    return result


def client(key):
    return MultiMail(given["keys"][key], base_url=URL + "/")


agent, reviewer, admin = client("agent"), client("reviewer"), client("admin")

tell("get_account", agent.get_account)
tell("update_account", lambda: admin.update_account(name="Ours"))
tell("list_mailboxes", agent.list_mailboxes)
made = tell("create_mailbox", lambda: admin.create_mailbox("sales", "Sales"))
tell("update_mailbox", lambda: admin.update_mailbox(made["id"], display_name="Desk"))
tell("delete_mailbox", lambda: admin.delete_mailbox(made["id"]))
tell("list_emails", lambda: agent.list_emails(MAILBOX))
tell("list_emails inbound", lambda: agent.list_emails(MAILBOX, direction="inbound", limit=1))
tell("get_email", lambda: agent.get_email(MAILBOX, EMAIL))
tell("get_thread", lambda: agent.get_thread(MAILBOX, IDS["thread_id"]))
tell("download_attachment", lambda: agent.download_attachment(MAILBOX, EMAIL, "order.txt"))
letter = {"to": ["bo@remote.test"], "markdown": "Hello"}
sent = tell("send_email", lambda: agent.send_email(MAILBOX, subject="One", **letter))
whole = dict(letter, subject="Two", cc=["cy@remote.test"], bcc=["di@remote.test"], idempotency_key="two")
whole["attachments"] = [{"name": "a.txt", "content_base64": "MSBib3g=", "content_type": "text/plain"}]
first = tell("send_email whole", lambda: agent.send_email(MAILBOX, **whole))
tell("send_email again", lambda: agent.send_email(MAILBOX, **whole))
tell("reply_email", lambda: agent.reply_email(MAILBOX, EMAIL, markdown="Thanks"))
tell("cancel_email", lambda: agent.cancel_email(MAILBOX, sent["id"]))
tell("set_tags", lambda: agent.set_tags(MAILBOX, EMAIL, {"next step": "call"}))
tell("get_tags", lambda: agent.get_tags(MAILBOX, EMAIL))
tell("delete_tag", lambda: agent.delete_tag(MAILBOX, EMAIL, "next step"))
contact = tell("add_contact", lambda: agent.add_contact("ed@remote.test"))
tell("list_contacts", lambda: agent.list_contacts(q="ed@"))
tell("delete_contact", lambda: admin.delete_contact(contact["id"]))
tell("list_pending", reviewer.list_pending)
tell("decide", lambda: reviewer.decide(first["id"], "approve", reason="Fine"))
key = tell("create_api_key", lambda: admin.create_api_key("new", ["read"]))
tell("list_api_keys", admin.list_api_keys)
tell("revoke_api_key", lambda: admin.revoke_api_key(key["id"]))
hook = tell("create_webhook", lambda: admin.create_webhook("https://hook.remote.test/", ["message.received"], secret="a-secret-of-the-caller-000000000000"))
tell("list_webhooks", admin.list_webhooks)
tell("delete_webhook", lambda: admin.delete_webhook(hook["id"]))
domain = tell("add_domain", lambda: admin.add_domain("new.example"))
tell("list_domains", admin.list_domains)
tell("verify_domain", lambda: admin.verify_domain(domain["id"]))
tell("delete_domain", lambda: admin.delete_domain(domain["id"]))
tell("list_suppressions", admin.list_suppressions)
tell("remove_suppression", lambda: admin.remove_suppression("left@example.org"))
tell("get_audit_log", lambda: admin.get_audit_log(limit=5))
tell("get_usage", admin.get_usage)

tell("wrong key", lambda: MultiMail("mm_live_no", base_url=URL).get_account())
tell("missing scope", lambda: client("reader").send_email(MAILBOX, subject="One", **letter))
tell("no such email", lambda: agent.get_email(MAILBOX, "em_none"))
tell("wrong input", lambda: agent.send_email(MAILBOX, subject="", to=[], markdown="x"))


async def walk_async():
    async with AsyncMultiMail(given["keys"]["agent"], base_url=URL) as waiting:
        mailboxes = await waiting.list_mailboxes()
        emails = await waiting.list_emails(mailboxes[0]["id"])
        return [len(mailboxes), "emails" in emails]


tell("async", lambda: asyncio.run(walk_async()))

for kit, name in ((LangChain, "langchain"), (CrewAI, "crewai")):
    tools = {tool.name: tool for tool in kit(given["keys"]["agent"], base_url=URL).get_tools()}
    deciding = {tool.name: tool for tool in kit(given["keys"]["reviewer"], base_url=URL).get_tools()}
    tell(name + " check_inbox", lambda: tools["check_inbox"]._run(MAILBOX))
    tell(name + " read_email", lambda: tools["read_email"]._run(MAILBOX, EMAIL))
    tell(name + " send_email", lambda: tools["send_email"]._run(MAILBOX, ["bo@remote.test"], name, "Hello"))
    tell(name + " reply_email", lambda: tools["reply_email"]._run(MAILBOX, EMAIL, name))
    tell(name + " search_contacts", lambda: tools["search_contacts"]._run())
    tell(name + " list_pending", deciding["list_pending"]._run)
    pending = [one for one in reviewer.list_pending() if one["subject"] == name]
    tell(name + " decide_email", lambda: deciding["decide_email"]._run(pending[0]["id"], "reject", "No"))
    tell(name + " get_thread", lambda: tools["get_thread"]._run(MAILBOX, IDS["thread_id"]))
    tell(name + " tag_email", lambda: tools["tag_email"]._run(MAILBOX, EMAIL, {"kit": name}))

# Last: no key works after it.
tell("delete_account", admin.delete_account)
