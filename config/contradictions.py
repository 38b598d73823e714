"""Settings that are right one by one and cannot stand together."""

from config.settings import Settings

SHARED_SECRET_ALGORITHMS = ("HS256", "HS384", "HS512")
PUBLIC_KEY_ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "ES256", "ES384", "EdDSA")
JWT_ALGORITHMS = (*SHARED_SECRET_ALGORITHMS, *PUBLIC_KEY_ALGORITHMS)


def contradictions(settings: Settings) -> list[str]:
    problems = []
    if settings.is_in_process and settings.web_concurrency > 1:
        problems.append(
            "WEB_CONCURRENCY: more than one web process needs REDIS_URL and separate workers (without Redis the one "
            "web process transcribes)"
        )
    if settings.max_sockets >= settings.web_threads:
        problems.append("MAX_SOCKETS: must be lower than WEB_THREADS, since every socket holds a thread")
    if settings.max_sockets_per_session > settings.max_sockets:
        problems.append("MAX_SOCKETS_PER_SESSION: must not be higher than MAX_SOCKETS")
    if settings.whisper_model_b is not None and _is_one_model(settings):
        problems.append("WHISPER_MODEL_B: must be another model or revision than WHISPER_MODEL, or nothing is compared")
    return [*problems, *_jwt_contradictions(settings), *_feedback_contradictions(settings)]


def _jwt_contradictions(settings: Settings) -> list[str]:
    if settings.auth_jwt_secret is None and settings.auth_jwks_url is None:
        return []
    problems = []
    if settings.auth_jwt_secret is not None and settings.auth_jwks_url is not None:
        problems.append("AUTH_JWT_SECRET: cannot be set together with AUTH_JWKS_URL, there is one way to check a token")
    if settings.auth_jwt_issuer is None or settings.auth_jwt_audience is None:
        problems.append("AUTH_JWT_ISSUER: must be set, and AUTH_JWT_AUDIENCE too, or tokens for others would be taken")
    fitting = SHARED_SECRET_ALGORITHMS if settings.auth_jwt_secret is not None else PUBLIC_KEY_ALGORITHMS
    if settings.auth_jwt_algorithm not in (None, *fitting):
        problems.append(f"AUTH_JWT_ALGORITHM: must be one of {', '.join(fitting)} here")
    algorithm = settings.auth_jwt_algorithm or SHARED_SECRET_ALGORITHMS[0]
    if settings.auth_jwt_secret is not None and algorithm in SHARED_SECRET_ALGORITHMS:
        # As many bytes as the hash has (RFC 7518, section 3.2); PyJWT takes no shorter ones.
        needed = int(algorithm.removeprefix("HS")) // 8
        if len(settings.auth_jwt_secret.encode()) < needed:
            problems.append(f"AUTH_JWT_SECRET: must have at least {needed} bytes for {algorithm}")
    return problems


def _feedback_contradictions(settings: Settings) -> list[str]:
    """What the chosen provider needs; of one that is not chosen nothing is asked."""
    if settings.feedback_provider != "openai":
        return []
    problems = []
    if settings.feedback_llm_key is None:
        problems.append(
            "FEEDBACK_LLM_KEY: must be set for FEEDBACK_PROVIDER=openai (any word for an endpoint that asks for none)"
        )
    if settings.feedback_llm_model is None:
        problems.append("FEEDBACK_LLM_MODEL: must be set for FEEDBACK_PROVIDER=openai")
    return problems


def _is_one_model(settings: Settings) -> bool:
    first, second = settings.whisper_model, settings.whisper_model_b
    return first == second and settings.whisper_revision == settings.whisper_revision_b
