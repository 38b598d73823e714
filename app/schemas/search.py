"""What is looked for in transcripts, and what is found."""

from marshmallow import Schema, fields, validate

from services.search_queries import LONGEST_QUERY

LANGUAGE = validate.Regexp(r"^[a-z]{2,3}\Z", error="Must be a code such as 'en'.")


class SearchQuerySchema(Schema):
    q = fields.String(
        required=True,
        validate=validate.Length(min=1, max=LONGEST_QUERY),
        metadata={"description": 'Words that all must be there, "phrases", -words that must not.'},
    )
    language = fields.String(validate=LANGUAGE, metadata={"description": "Only what was heard in this language."})
    owner_id = fields.String(validate=validate.Length(min=1, max=200), metadata={"description": "For admins."})
    cursor = fields.String(validate=validate.Length(max=200))
    limit = fields.Integer(load_default=10, validate=validate.Range(min=1, max=50))


class SnippetSchema(Schema):
    """A piece of a text, as it is: whoever shows it as HTML escapes it."""

    text = fields.String(required=True)
    highlights = fields.List(
        fields.Tuple((fields.Integer(), fields.Integer())),
        required=True,
        metadata={"description": "Places in this text, from and to before, in Unicode code points."},
    )
    start = fields.Float(required=True, allow_none=True, metadata={"description": "Seconds in the recording."})
    end = fields.Float(required=True, allow_none=True)


class ResultSchema(Schema):
    session_id = fields.String(required=True, attribute="transcript.session_id")
    question_id = fields.String(required=True, attribute="transcript.question_id")
    answer_id = fields.String(required=True, attribute="transcript.answer_id")
    revision = fields.Integer(required=True, attribute="transcript.revision")
    language = fields.String(required=True, allow_none=True, attribute="transcript.language")
    created_at = fields.AwareDateTime(
        required=True, attribute="transcript.created_at", metadata={"description": "Of this revision."}
    )
    score = fields.Float(required=True)
    snippets = fields.List(fields.Nested(SnippetSchema), required=True)


class ResultPageSchema(Schema):
    results = fields.List(fields.Nested(ResultSchema), required=True)
    next = fields.String(required=True, allow_none=True, metadata={"description": "The cursor of the next page."})
    is_complete = fields.Boolean(
        required=True,
        metadata={"description": "False where more transcripts have these words than were looked at: add a word."},
    )
