from concurrent.futures import ThreadPoolExecutor

import pytest

from services.transcribers import Transcriber
from services.transcribers.loader import TranscriberLoader
from tests.fakes import ScriptedTranscriber


@pytest.mark.covers("Q-model-once", "C-actors")
def test_however_many_threads_ask_the_model_is_loaded_once():
    loaded: list[Transcriber] = []

    def build() -> Transcriber:
        loaded.append(ScriptedTranscriber())
        return loaded[-1]

    loader = TranscriberLoader(build)
    with ThreadPoolExecutor(8) as threads:
        found = {id(each) for each in threads.map(lambda _: loader.load(), range(50))}
    assert found == {id(loaded[0])}
    assert len(loaded) == 1
