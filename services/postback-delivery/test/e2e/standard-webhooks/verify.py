"""Reads {"secret", "headers", "body"} lines and says of each whether the package accepts it."""

import json
import sys

from standardwebhooks import Webhook, WebhookVerificationError

for line in sys.stdin:
    request = json.loads(line)
    try:
        Webhook(request["secret"]).verify(request["body"], request["headers"])
        print("accepted", flush=True)
    except WebhookVerificationError:
        print("refused", flush=True)
