"""What others wrote is read with care: damage and bombs are refused, in the words of the project."""

import io
import json
import zipfile

import pytest

from qvar.simulators.errors import CircuitError, QvarError
from qvar.simulators.untrusted import check_archive, parse_json, refusing


@pytest.mark.parametrize(
    "reason", [KeyError("a"), ValueError("b"), OSError("c"), RecursionError("d"), zipfile.BadZipFile("e")]
)
def test_whatever_damaged_data_cause_becomes_an_error_of_the_project_that_names_them(reason):
    message = r"^the file x is damaged, or not what it should be: "
    with pytest.raises(CircuitError, match=message) as caught, refusing("the file x", CircuitError):
        raise reason
    assert caught.value.__cause__ is reason


def test_errors_of_the_project_pass_as_they_are_and_so_do_mistakes_of_our_own():
    for error in (QvarError("as it is"), AssertionError("a mistake")):
        with pytest.raises(type(error)) as caught, refusing("the file x", CircuitError):
            raise error
        assert caught.value is error


def test_json_that_is_nested_deeply_is_refused():
    deepest = parse_json("[" * 64 + "]" * 64)
    assert deepest == json.loads("[" * 64 + "]" * 64)
    assert parse_json('{"a": "[[[[' + "[" * 100 + '\\"["}') == {"a": "[" * 104 + '"['}
    for depth in (65, 900, 100_000):
        with pytest.raises(ValueError, match="deep"):
            parse_json("[" * depth + "]" * depth)


def archive(sizes):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as file:
        for k, size in enumerate(sizes):
            file.writestr(f"{k}.npy", bytes(size))
    return stream.getvalue()


def test_archives_that_shrink_well_are_let_pass_up_to_128_mib_in_all():
    check_archive(archive([1000, 1 << 20]))
    with pytest.raises(ValueError, match=r"would unpack to 135,266,304 bytes, from \d{3},\d{3}$"):
        check_archive(archive([65 << 20, 64 << 20]))


def test_what_is_no_archive_is_refused():
    for data in (b"", b"no archive", archive([1000])[:-30]):
        with pytest.raises(ValueError, match="it is no archive"):
            check_archive(data)
