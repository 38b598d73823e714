import os
import socket

import pytest

from config import RECORDING_CEILING_BYTES, Settings, SettingsError, load_settings
from tests.unit.test_env_example import explained

SECRET = "s3cr3t-value"


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Without any variable of ours."""
    for name in explained():
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


def settings(environment: pytest.MonkeyPatch, **variables: str) -> Settings:
    for name, value in variables.items():
        environment.setenv(name, value)
    return load_settings(None)


def test_without_any_variable_it_runs_in_one_process_on_localhost(environment):
    found = settings(environment)
    assert (found.host, found.port, found.public_url) == ("127.0.0.1", 8000, "http://127.0.0.1:8000")
    assert found.is_in_process
    assert found.max_recording_bytes == RECORDING_CEILING_BYTES
    assert found.bootstrap_token is None


WRONG = {
    "MONGODB_URI": f"http://user:{SECRET}@host",
    "MONGODB_DATABASE": f"{SECRET}.a/b",
    "REDIS_URL": f"http://:{SECRET}@host",
    "BOOTSTRAP_TOKEN": SECRET,
    "PORT": "70000",
    "PUBLIC_URL": f"ftp://{SECRET}",
    "ALLOWED_ORIGINS": f"https://a.example, https://b.example/{SECRET}",
    "WEB_CONCURRENCY": "0",
    "WEB_THREADS": "3",
    "WHISPER_DEVICE": SECRET,
    "MAX_RECORDING_BYTES": str(RECORDING_CEILING_BYTES + 1),
    "LEASE_SECONDS": "4",  # a sign of life every 3 s
    "MAX_ANSWER_SECONDS": SECRET,
    "SESSION_LINK_DAYS": "999999999",
    "SWEEP_INTERVAL_SECONDS": "11",  # a worker is taken for gone after 35 s without a beat
    "AUTH_JWT_SECRET": SECRET,
    "AUTH_JWKS_URL": f"http://idp.example/{SECRET}",
    "AUTH_JWT_ALGORITHM": "none",
    "RATE_LIMIT": f"10 per {SECRET}",
    "FEEDBACK_PROVIDER": SECRET,
    "SCORE_DELIVERY": SECRET,
    "FEEDBACK_LLM_URL": f"http://{SECRET}.example.com/v1",
    "FEEDBACK_LLM_KEY": f"{SECRET} {SECRET}",
    "FEEDBACK_LLM_TIMEOUT_SECONDS": "0",
    "FEATURE_FLAGS": f"{SECRET}=1",
    "LOG_FORMAT": SECRET,
    "LOG_LEVEL": SECRET,
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_value_is_refused_by_name_and_never_repeated(environment, name):
    with pytest.raises(SettingsError) as refused:
        settings(environment, **{name: WRONG[name]})
    assert name in str(refused.value)
    assert SECRET not in str(refused.value)


def test_origins_are_compared_as_browsers_send_them(environment):
    found = settings(
        environment, ALLOWED_ORIGINS="https://a.example, https://b.example:8443/", PUBLIC_URL="https://p.example/"
    )
    assert found.allowed_origins == ("https://a.example", "https://b.example:8443")
    assert found.public_url == "https://p.example"


def test_a_public_address_with_a_path_is_refused(environment):
    with pytest.raises(SettingsError, match="PUBLIC_URL"):
        settings(environment, PUBLIC_URL="https://p.example/parley")


def test_every_problem_is_told_at_once(environment):
    with pytest.raises(SettingsError) as refused:
        settings(environment, **WRONG)
    told = {line.partition(":")[0] for line in str(refused.value).splitlines()}
    assert told == set(WRONG)
    assert SECRET not in str(refused.value)


def test_more_web_processes_need_redis(environment):
    with pytest.raises(SettingsError, match="WEB_CONCURRENCY"):
        settings(environment, WEB_CONCURRENCY="2")
    found = settings(environment, REDIS_URL="redis://127.0.0.1:6379/0")
    assert (found.web_concurrency, found.is_in_process) == (2, False)


def test_sockets_leave_a_thread_for_requests(environment):
    with pytest.raises(SettingsError, match="MAX_SOCKETS"):
        settings(environment, WEB_THREADS="8", MAX_SOCKETS="8")


def test_a_token_that_would_be_taken_for_a_signed_one_is_refused(environment):
    with pytest.raises(SettingsError, match="BOOTSTRAP_TOKEN"):
        settings(environment, BOOTSTRAP_TOKEN="eyJhbGciOi.eyJzdWIi.c2lnbmF0dXJl")


def test_one_session_never_has_all_sockets(environment):
    with pytest.raises(SettingsError, match="MAX_SOCKETS_PER_SESSION"):
        settings(environment, MAX_SOCKETS="8", MAX_SOCKETS_PER_SESSION="9")


JWT = {
    "AUTH_JWT_SECRET": "x" * 32,
    "AUTH_JWT_ISSUER": "https://idp.example",
    "AUTH_JWT_AUDIENCE": "parley",
}


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"AUTH_JWKS_URL": "https://idp.example/keys"}, "AUTH_JWT_SECRET"),
        ({"AUTH_JWT_ISSUER": ""}, "AUTH_JWT_ISSUER"),
        ({"AUTH_JWT_AUDIENCE": ""}, "AUTH_JWT_ISSUER"),
        ({"AUTH_JWT_ALGORITHM": "RS256"}, "AUTH_JWT_ALGORITHM"),
        ({"AUTH_JWT_ALGORITHM": "HS512"}, "at least 64 bytes"),
        (
            {"AUTH_JWT_SECRET": "", "AUTH_JWKS_URL": "https://idp.example/keys", "AUTH_JWT_ALGORITHM": "HS256"},
            "AUTH_JWT_ALGORITHM",
        ),
    ],
)
def test_settings_for_signed_tokens_that_would_let_strangers_in_are_refused(environment, changed, named):
    assert settings(environment, **JWT).auth_jwt_audience == "parley"
    with pytest.raises(SettingsError, match=named):
        settings(environment, **{**JWT, **changed})


def test_the_environment_wins_over_the_file(environment, tmp_path):
    dotenv = tmp_path / ".env"
    dotenv.write_text("PORT=8100\nHOST=0.0.0.0\n")
    environment.setenv("PORT", "8200")
    environment.setenv("HOST", "")
    environment.delenv("HOST")
    found = load_settings(dotenv)
    os.environ.pop("HOST", None)  # read_env has put it there
    assert (found.port, found.host, found.public_url) == (8200, "0.0.0.0", "http://127.0.0.1:8200")


def test_secrets_are_not_shown_where_settings_are_printed(environment):
    found = settings(
        environment,
        MONGODB_URI=f"mongodb://user:{SECRET}@host",
        REDIS_URL=f"redis://:{SECRET}@host",
        BOOTSTRAP_TOKEN=f"{SECRET}-{SECRET}",
        **{**JWT, "AUTH_JWT_SECRET": f"{SECRET}-{SECRET}-{SECRET}"},
    )
    assert SECRET not in repr(found)


def test_leases_belong_to_a_host_and_its_data_directory(environment, tmp_path):
    one = settings(environment, DATA_DIR=str(tmp_path / "one"))
    other = settings(environment, DATA_DIR=str(tmp_path / "other"))
    assert one.holder == f"{socket.gethostname()}:{tmp_path / 'one'}"
    assert one.holder != other.holder


@pytest.mark.covers("E5-S1.1", "E5-S1.2")
@pytest.mark.parametrize("missing", ["FEEDBACK_LLM_KEY", "FEEDBACK_LLM_MODEL"])
def test_what_the_chosen_provider_needs_is_asked_for_at_start(environment, missing):
    given = {"FEEDBACK_LLM_KEY": SECRET, "FEEDBACK_LLM_MODEL": "tiny"}
    given.pop(missing)

    with pytest.raises(SettingsError) as raised:
        settings(environment, FEEDBACK_PROVIDER="openai", **given)
    assert str(raised.value).startswith(f"{missing}: must be set for FEEDBACK_PROVIDER=openai")
    assert SECRET not in str(raised.value)


@pytest.mark.covers("E5-S1.1")
def test_of_a_provider_that_is_not_chosen_nothing_is_asked(environment):
    assert settings(environment).feedback_provider == "rule_based"


@pytest.mark.covers("E5-S1.3")
def test_no_secret_is_shown_by_the_settings_or_by_what_is_wrong_with_them(environment):
    given = {"FEEDBACK_PROVIDER": "openai", "FEEDBACK_LLM_KEY": SECRET, "FEEDBACK_LLM_MODEL": "tiny"}
    assert SECRET not in repr(settings(environment, **given))

    with pytest.raises(SettingsError) as raised:
        settings(environment, FEEDBACK_LLM_KEY=f"{SECRET}\n", FEEDBACK_LLM_URL=f"https://user:{SECRET}@llm.example/v1")
    assert "FEEDBACK_LLM_KEY: " in str(raised.value)
    assert "FEEDBACK_LLM_URL: " in str(raised.value)
    assert SECRET not in str(raised.value)


@pytest.mark.parametrize(
    "url", ["https://llm.example/v1", "http://llm:8000/v1/", "http://127.0.0.1:11434/v1", "http://10.0.0.7/v1"]
)
def test_a_model_may_be_anywhere_with_tls_and_near_without(environment, url):
    assert settings(environment, FEEDBACK_LLM_URL=url).feedback_llm_url == url.rstrip("/")


@pytest.mark.parametrize(
    "url",
    [
        *("http://llm.example/v1", "http://8.8.8.8/v1", "ftp://llm/v1", "https://llm/v1?key=1", "llm"),
        *("https://[::1/v1", "https://llm:99999/v1", "https://llm:0/v1", "https://llm..example/v1", "https:///v1"),
    ],
)
def test_keys_and_transcripts_are_not_sent_in_the_clear_through_the_internet(environment, url):
    with pytest.raises(SettingsError, match="FEEDBACK_LLM_URL"):
        settings(environment, FEEDBACK_LLM_URL=url)


def test_a_model_is_not_compared_with_itself(environment):
    with pytest.raises(SettingsError, match="WHISPER_MODEL_B"):
        settings(environment, WHISPER_MODEL="demo", WHISPER_MODEL_B="demo")
