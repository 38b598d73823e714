from scripts.announcement import announcement
from tests.factories import settings_with

HUB_MODEL = {"whisper_model": "openai/whisper-base", "demo_model": False}


def told(readiness=HUB_MODEL, *, embedded_uri=None, **settings) -> str:
    return "\n".join(announcement(settings_with(**settings), readiness, token="abc", embedded_uri=embedded_uri))


def test_the_link_holds_the_token_and_uploads_have_an_address():
    text = told(public_url="https://parley.example")
    assert "https://parley.example/?token=abc" in text
    assert "POST https://parley.example/api/upload-answer/{session_id}/{question_id}" in text


def test_the_demo_model_is_announced_loudly_and_only_when_it_hears():
    assert "DEMO MODEL" in told({"whisper_model": "demo", "demo_model": True})
    assert "DEMO MODEL" not in told()


def test_the_microphone_is_mentioned_where_browsers_would_refuse_it():
    assert "microphone" not in told(host="127.0.0.1", public_url="http://127.0.0.1:8000")
    assert "microphone" in told(host="0.0.0.0", public_url="http://10.0.0.5:8000")
    assert "microphone" not in told(host="0.0.0.0", public_url="https://parley.example")


def test_with_redis_the_command_for_a_worker_names_only_a_database_of_our_own():
    ours = told(redis_url="redis://127.0.0.1/0", embedded_uri="mongodb://127.0.0.1:1/?replicaSet=parley")
    assert "MONGODB_URI='mongodb://127.0.0.1:1/?replicaSet=parley' make worker" in ours
    theirs = told(redis_url="redis://127.0.0.1/0", mongodb_uri="mongodb://u:secret@db/")
    assert "secret" not in theirs
    assert "make worker" in theirs


def test_the_cleanup_is_one_line_that_names_only_a_database_of_our_own():
    for more in ({}, {"redis_url": "redis://127.0.0.1/0"}):
        ours = told(embedded_uri="mongodb://127.0.0.1:1/?replicaSet=parley", **more)
        command = "MONGODB_URI='mongodb://127.0.0.1:1/?replicaSet=parley' .venv/bin/python -m scripts.cleanup_audio"
        assert any(line.endswith(command) for line in ours.splitlines())
    theirs = told(mongodb_uri="mongodb://u:secret@db/")
    assert "secret" not in theirs
    assert "  .venv/bin/python -m scripts.cleanup_audio" in theirs
