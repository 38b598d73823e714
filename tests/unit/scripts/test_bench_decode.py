from scripts.bench import decode as bench


def test_each_way_to_decode_is_timed_with_the_processor_time_of_all_that_took_part(monkeypatch):
    monkeypatch.setattr(bench, "ROUNDS", 2)
    monkeypatch.setattr(bench, "WARM_UPS", 0)
    said: list[str] = []
    figures = {figure.name: figure for figure in bench.measure_decoding(said.append)}
    assert len(said) == 1
    # The interpreter and its imports are on top of the same work.
    assert figures["decode 10 s in a fresh child, CPU"].value > figures["decode 10 s here, CPU"].value > 0
    assert [figure.bar for figure in figures.values() if figure.bar is not None] == [30]
