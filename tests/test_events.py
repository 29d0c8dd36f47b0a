"""A stage's events are read as far as they are whole, and go on after a kill."""

from mkdkit import events


def test_events_come_back_in_order_with_any_text(tmp_path):
    said = [{"number": 1, "text": "a\nb – „c“"}, {"number": 2, "text": ""}]
    for one in said:
        events.append(tmp_path, **one)
    assert events.read(tmp_path) == said


def test_a_half_written_line_is_no_event_yet_and_is_cut_off_by_the_next(tmp_path):
    events.append(tmp_path, number=1, loss=2.0)
    with (tmp_path / events.EVENTS).open("ab") as file:
        file.write('{"number": 2, "text": "ü'.encode()[:-1])  # killed within a letter
    assert events.read(tmp_path) == [{"number": 1, "loss": 2.0}]
    events.append(tmp_path, number=2, loss=1.0)
    assert events.read_steps(tmp_path) == [{"number": 1, "loss": 2.0}, {"number": 2, "loss": 1.0}]


def test_a_first_line_that_is_half_written_is_cut_off_too(tmp_path):
    (tmp_path / events.EVENTS).write_text('{"numb')
    events.append(tmp_path, number=1)
    assert events.read(tmp_path) == [{"number": 1}]


def test_a_request_to_stop_stands_until_it_is_forgotten(tmp_path):
    assert not events.is_asked_to_stop(tmp_path)
    events.ask_to_stop(tmp_path)
    events.ask_to_stop(tmp_path)
    assert events.is_asked_to_stop(tmp_path)
    events.forget_stop(tmp_path)
    events.forget_stop(tmp_path)
    assert not events.is_asked_to_stop(tmp_path)
