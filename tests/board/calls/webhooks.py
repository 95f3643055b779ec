"""Webhooks, which clients have since 3.5. The board has a receiver for them."""

from .board import call, client, equal, refused, world

AREA = "Webhooks"


def _webhook() -> str:
    made = client().create_webhook(
        _name(), world.webhook_url, ["registered_model.created"], description="words", secret="s3cret"
    )
    return made.webhook_id


def _name() -> str:
    return world.name("hook").replace(" ", "-").replace(".", "-")


@call(AREA, "MlflowClient.create_webhook")
def _() -> None:
    found = client().get_webhook(_webhook())
    equal((found.url, found.description, str(found.status)), (world.webhook_url, "words", "ACTIVE"))
    equal([str(event) for event in found.events], ["registered_model.created"])
    equal(found.secret, None)
    events = ["model_version.created"]
    refused("INVALID_PARAMETER_VALUE", lambda: client().create_webhook(_name(), "ftp://example.org", events))


@call(AREA, "MlflowClient.get_webhook")
def _() -> None:
    webhook_id = _webhook()
    equal(client().get_webhook(webhook_id).webhook_id, webhook_id)
    refused("RESOURCE_DOES_NOT_EXIST", lambda: client().get_webhook("nothing"))


@call(AREA, "MlflowClient.list_webhooks")
def _() -> None:
    ids = {_webhook(), _webhook()}
    found, token = set(), None
    while True:
        page = client().list_webhooks(max_results=3, page_token=token)
        found |= {webhook.webhook_id for webhook in page}
        token = page.token
        if not token:
            break
    equal(found & ids, ids)


@call(AREA, "MlflowClient.update_webhook")
def _() -> None:
    webhook_id = _webhook()
    client().update_webhook(webhook_id, description="new words", status="DISABLED")
    found = client().get_webhook(webhook_id)
    equal((found.description, str(found.status), found.url), ("new words", "DISABLED", world.webhook_url))


@call(AREA, "MlflowClient.test_webhook")
def _() -> None:
    result = client().test_webhook(_webhook())
    equal((result.success, result.response_status, result.error_message), (True, 200, None))


@call(AREA, "MlflowClient.delete_webhook")
def _() -> None:
    webhook_id = _webhook()
    client().delete_webhook(webhook_id)
    refused("RESOURCE_DOES_NOT_EXIST", lambda: client().get_webhook(webhook_id))
