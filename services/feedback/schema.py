"""What a model may say: checked before anybody believes or stores any of it."""

import json
from collections.abc import Collection, Mapping
from typing import Any, NoReturn

from marshmallow import EXCLUDE, RAISE, Schema, ValidationError, fields, validate

from services.feedback.evaluation import TokenUsage
from services.feedback.failures import ModelRefused, OutputInvalid

LONGEST_COMMENT = 600
LONGEST_GIVEN_QUOTE = 1_000
MOST_QUOTES = 5
MOST_TOKENS = 10**9


class Exactly(fields.Field[Any]):
    """A value of this JSON type and no other: nothing is converted, and true is no number."""

    def __init__(self, *kinds: type, **options: Any) -> None:
        super().__init__(**options)
        self._kinds = kinds

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **_: Any) -> Any:
        if type(value) not in self._kinds:
            raise ValidationError("Has another type.")
        return value


class PartSchema(Schema):
    class Meta:
        unknown = RAISE

    score = Exactly(int, float, required=True, validate=validate.Range(min=0, max=100))
    comment = Exactly(str, required=True, validate=validate.Length(min=1, max=LONGEST_COMMENT))
    quotes = fields.List(
        Exactly(str, validate=validate.Length(max=LONGEST_GIVEN_QUOTE)),
        required=True,
        validate=validate.Length(max=MOST_QUOTES),
    )


class MessageSchema(Schema):
    content = Exactly(str, allow_none=True)
    refusal = Exactly(str, allow_none=True)


class ChoiceSchema(Schema):
    message = fields.Nested(MessageSchema(unknown=EXCLUDE), required=True)
    finish_reason = Exactly(str, allow_none=True)


class UsageSchema(Schema):
    prompt_tokens = Exactly(int, required=True, validate=validate.Range(min=0, max=MOST_TOKENS))
    completion_tokens = Exactly(int, required=True, validate=validate.Range(min=0, max=MOST_TOKENS))


class CompletionSchema(Schema):
    """The part of the protocol that is read; servers add much to it."""

    choices = fields.List(
        fields.Nested(ChoiceSchema(unknown=EXCLUDE)), required=True, validate=validate.Length(min=1, max=16)
    )
    model = Exactly(str, allow_none=True)
    usage = fields.Raw(allow_none=True)


def read_completion(body: bytes) -> tuple[str, str | None, TokenUsage | None]:
    """Text, model and usage of a completion; raises `OutputInvalid`, and `ModelRefused` where the model declined."""
    found = _loaded(CompletionSchema(unknown=EXCLUDE), _parsed(body))
    choice = found["choices"][0]
    message, reason = choice["message"], choice.get("finish_reason")
    if message.get("refusal") or reason == "content_filter":
        raise ModelRefused("The model declined to assess this answer.", code="declined")
    if reason == "length":
        raise OutputInvalid("The model's reply was cut short.", code="cut_short")
    if not message.get("content"):
        raise OutputInvalid("The model's reply is empty.")
    return message["content"], _name(found.get("model")), _usage(found.get("usage"))


def read_judgement(text: str, names: Collection[str]) -> Mapping[str, Any]:
    """Each of these parts, and no others, with `score`, `comment` and `quotes`; raises `OutputInvalid`."""
    schema: Schema = Schema.from_dict({name: fields.Nested(PartSchema(), required=True) for name in names})(
        unknown=RAISE
    )
    return _loaded(schema, _parsed(text))


def judgement_schema(names: Collection[str]) -> Mapping[str, Any]:
    """The same as JSON Schema, within what "strict" structured output allows."""
    part = _object(
        {
            "score": {"type": "integer", "description": "0 to 100"},
            "comment": {"type": "string"},
            "quotes": {"type": "array", "items": {"type": "string"}},
        }
    )
    return _object(dict.fromkeys(names, part))


def _object(properties: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


def _parsed(text: str | bytes) -> Any:
    def refuse(constant: str) -> NoReturn:
        raise ValueError(constant)

    try:
        return json.loads(text, parse_constant=refuse)
    except (ValueError, RecursionError):
        raise OutputInvalid("The model's reply is not JSON.") from None


def _loaded(schema: Schema, found: Any) -> Mapping[str, Any]:
    try:
        loaded: Mapping[str, Any] = schema.load(found)
    except (ValidationError, OverflowError) as error:
        # Which fields of ours, never what was in them or what others it has: that may be what somebody said.
        messages = error.messages if isinstance(error, ValidationError) else ()
        where = ", ".join(name for name in schema.fields if name in messages) or "as a whole"
        raise OutputInvalid(f"The model's reply has another shape ({where}).") from None
    return loaded


def _name(model: str | None) -> str | None:
    return model if model and len(model) <= 200 and model.isprintable() else None


def _usage(found: Any) -> TokenUsage | None:
    """Told by most servers; what is not told right is not told."""
    try:
        usage = UsageSchema(unknown=EXCLUDE).load(found)
    except (ValidationError, TypeError):
        return None
    return TokenUsage(usage["prompt_tokens"], usage["completion_tokens"])
