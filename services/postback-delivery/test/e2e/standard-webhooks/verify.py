"""Reads {"secret", "headers", "body"} lines and says of each whether others' libraries accept it.

The package standardwebhooks knows shared secrets (v1) only; for a public key (v1a) libsodium has the word.
"""

import base64
import json
import sys

from nacl.exceptions import BadSignatureError
from nacl.signing import VerifyKey
from standardwebhooks import Webhook, WebhookVerificationError


def verify_with_public_key(public_key, headers, body):
    key = VerifyKey(base64.b64decode(public_key.removeprefix("whpk_")))
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.{body}".encode()
    for signature in headers["webhook-signature"].split(" "):
        kind, _, value = signature.partition(",")
        if kind != "v1a":
            continue
        try:
            key.verify(signed, base64.b64decode(value))
            return True
        except BadSignatureError:
            continue
    return False


def is_accepted(secret, headers, body):
    if secret.startswith("whpk_"):
        return verify_with_public_key(secret, headers, body)
    try:
        Webhook(secret).verify(body, headers)
        return True
    except WebhookVerificationError:
        return False


for line in sys.stdin:
    request = json.loads(line)
    accepted = is_accepted(request["secret"], request["headers"], request["body"])
    print("accepted" if accepted else "refused", flush=True)
