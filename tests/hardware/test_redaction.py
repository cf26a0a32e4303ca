"""No token reaches what people see: messages, causes, tracebacks, logs, streams, records."""

import base64
import json
import logging
import os
import traceback
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qvar.hardware import check_account_file, open_service, redact
from qvar.hardware.redaction import guarded, is_transient, shield_logs
from qvar.simulators.errors import HardwareError
from tests.hardware.scripted_service import TOKEN
from tests.hardware.work import CIRCUIT, OBSERVABLE

SECRET = "my-own-secret-of-the-environment"


@pytest.fixture
def secret(monkeypatch):
    monkeypatch.setenv("QISKIT_IBM_TOKEN", SECRET)
    return SECRET


@pytest.mark.parametrize(
    "text",
    [
        "Authorization: apikey {}",
        "Authorization: Basic {}",
        "authorization: Bearer {}",
        "{{'apikey': '{}'}}",
        '{{"apikey": "{}"}}',
        "token={}",
        "QISKIT_IBM_TOKEN='{}'",
        "access_token: {}",
        "api_key = {}",
        "https://x.y/?apikey={}&z=1",
    ],
)
@pytest.mark.parametrize("token", ["Zx9-_abcDEF012", TOKEN, "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.sig-nature_1"])
def test_what_looks_like_a_token_is_hidden_wherever_it_stands(text, token):
    assert token not in redact(text.format(token))


def test_ordinary_words_stay():
    text = "the basic instructions are not authorized: connection refused"
    assert redact(text) == text


def test_a_bare_key_of_44_characters_is_hidden_and_longer_hashes_are_not():
    assert redact(f"sent {TOKEN}, sorry") == "sent [redacted], sorry"
    digest = "0123456789abcdef" * 4
    assert redact(f"hash {digest}") == f"hash {digest}"


@given(st.text(alphabet="abcdefgh-_ ", min_size=6, max_size=60))
def test_the_token_of_the_environment_is_hidden_whatever_it_looks_like(text):
    os.environ["QISKIT_IBM_TOKEN"] = SECRET
    assert SECRET not in redact(text + SECRET + text)


def test_the_token_of_a_saved_account_is_hidden(tmp_path, monkeypatch):
    folder = tmp_path / "home" / ".qiskit"
    folder.mkdir(parents=True)
    (folder / "qiskit-ibm.json").write_text(json.dumps({"default": {"token": "saved-one", "channel": "x"}}))
    assert redact("with saved-one inside") == "with [redacted] inside"


AWKWARD = "a+b/(c)*\"d'\\?&=é "


@pytest.mark.parametrize("before", ["", "x", "apikey:", "iam:"])
@pytest.mark.parametrize("secret", [SECRET, AWKWARD])
def test_a_token_is_hidden_in_every_writing(monkeypatch, secret, before):
    monkeypatch.setenv("QISKIT_IBM_TOKEN", secret)
    texts = [secret, quote(secret), quote(secret, safe=""), quote_plus(secret), json.dumps(secret), repr(secret)]
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        texts.append(encode((before + secret).encode()).decode())
    for text in texts:
        shown = redact(f"<{text}>")
        assert "[redacted]" in shown
        assert secret[3:-3] not in shown
        longest = max(shown.removeprefix("<").removesuffix(">").split("[redacted]"), key=len)
        assert len(longest) <= len(before) * 4 // 3 + 8  # at most the first and last bits of it


def test_a_token_that_is_no_longer_in_the_environment_stays_hidden(monkeypatch):
    monkeypatch.setenv("QISKIT_IBM_TOKEN", "the-first-token")
    redact("")
    monkeypatch.setenv("QISKIT_IBM_TOKEN", "the-second-token")
    assert redact("the-first-token the-second-token") == "[redacted] [redacted]"


def test_the_token_of_a_service_made_elsewhere_is_hidden(hardware, service):
    scripted = service()
    scripted.active_account = lambda: {"token": "token-given-as-an-argument"}
    hardware(scripted)
    assert redact("<token-given-as-an-argument>") == "<[redacted]>"


def test_every_token_of_several_saved_accounts_is_hidden(tmp_path):
    folder = tmp_path / "home" / ".qiskit"
    folder.mkdir(parents=True)
    accounts = {name: {"token": f"token-of-{name}", "channel": "x"} for name in ("default", "work", "other")}
    (folder / "qiskit-ibm.json").write_text(json.dumps(accounts))
    assert redact("token-of-work/token-of-other") == "[redacted]/[redacted]"


def test_nothing_of_groups_and_notes_of_errors_is_kept(secret):
    def fail():
        inner = RuntimeError(SECRET)
        inner.add_note(SECRET)
        group = ExceptionGroup(f"all failed: {SECRET}", [inner, ExceptionGroup(SECRET, [ValueError(SECRET)])])
        group.add_note(f"signed with {SECRET}")
        raise group

    with pytest.raises(HardwareError, match="all failed") as caught:
        guarded(fail, "connecting")
    assert SECRET not in "".join(traceback.format_exception(caught.value))


def test_a_calibration_that_cannot_be_asked_for_tells_no_token(hardware, service, secret, monkeypatch):
    run = hardware()
    circuit = run.pass_manager().run(CIRCUIT.to_qiskit())
    operator = OBSERVABLE.to_qiskit().apply_layout(circuit.layout)

    def away(self):
        raise RuntimeError(f"503: {SECRET}")

    monkeypatch.setattr("tests.hardware.scripted_service.ScriptedBackend.target", property(away))
    with pytest.raises(HardwareError, match="503") as caught:
        run.estimator().run([(circuit, operator, [0.1])])
    assert SECRET not in "".join(traceback.format_exception(caught.value))


def test_an_error_of_the_service_leaves_nothing_of_itself_behind(secret):
    def fail():
        try:
            raise KeyError(f"inner {SECRET}")
        except KeyError as error:
            raise RuntimeError(f"401: apikey {TOKEN}, {SECRET}") from error

    with pytest.raises(HardwareError) as caught:
        guarded(fail, "connecting")
    shown = "".join(traceback.format_exception(caught.value))
    assert SECRET not in shown
    assert TOKEN not in shown
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    assert "401" in str(caught.value)


def test_an_ordinary_handler_would_have_leaked():
    def usual():
        try:
            raise RuntimeError(TOKEN)
        except RuntimeError:
            raise HardwareError("redacted") from None

    with pytest.raises(HardwareError) as caught:
        usual()
    assert TOKEN in str(caught.value.__context__)


@pytest.mark.parametrize("what", ["token", "fail"])
def test_a_token_in_the_services_errors_reaches_nothing(hardware, service, secret, what, capfd, caplog):
    caplog.set_level(logging.DEBUG)
    run = hardware(service(script={0: what, 1: what}))
    with pytest.raises(HardwareError) as caught:
        run.engine().objective(CIRCUIT, OBSERVABLE)([0.4])
    seen = ["".join(traceback.format_exception(caught.value)), *capfd.readouterr(), caplog.text]
    seen += [file.read_text(errors="replace") for file in run.folder.rglob("*") if file.is_file()]
    for error in _chain(caught.value):
        seen.append(repr(error))
    assert len(seen) > 6
    for text in seen:
        assert TOKEN not in text
        assert SECRET not in text


def _chain(error):
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def test_what_the_libraries_log_is_redacted_too(caplog, monkeypatch, secret):
    logger = logging.getLogger("qiskit_ibm_runtime.api.session")
    shield_logs()
    monkeypatch.setattr(logging.getLogger("qiskit_ibm_runtime"), "propagate", True)  # to where caplog listens
    with caplog.at_level(logging.DEBUG, logger=logger.name):
        logger.debug("headers %s", {"Authorization": f"apikey {TOKEN}"})
        try:
            raise RuntimeError(SECRET)
        except RuntimeError:
            logger.exception("it failed")
    assert TOKEN not in caplog.text
    assert SECRET not in caplog.text
    assert "headers" in caplog.text
    assert "it failed" in caplog.text


def test_without_an_account_it_is_said_what_to_do():
    with pytest.raises(HardwareError, match="QISKIT_IBM_TOKEN") as caught:
        open_service(account="nobody")
    assert caught.value.__cause__ is None


def test_a_saved_account_that_others_can_read_is_warned_of_once(tmp_path):
    file = tmp_path / "home" / ".qiskit" / "qiskit-ibm.json"
    file.parent.mkdir(parents=True)
    file.write_text("{}")  # as Qiskit leaves it where no account was saved
    file.chmod(0o644)
    check_account_file()
    file.write_text('{"mine": {"token": "not-a-real-token-of-anyone"}}')
    with pytest.warns(UserWarning, match="chmod 600"):
        check_account_file()
    check_account_file()  # a second warning would be an error here


def test_an_account_of_ones_own_is_not_warned_of(tmp_path):
    file = tmp_path / "home" / ".qiskit" / "qiskit-ibm.json"
    file.parent.mkdir(parents=True)
    file.write_text('{"mine": {"token": "not-a-real-token-of-anyone"}}')
    file.chmod(0o600)
    check_account_file()


@pytest.mark.parametrize(
    ("error", "passing"),
    [
        (ConnectionResetError("x"), True),
        (TimeoutError(), True),
        (RuntimeError("503 Service Unavailable"), True),
        (RuntimeError("429 Too Many Requests"), True),
        (RuntimeError("400 Client Error"), False),
        (ValueError("503 is not a qubit"), False),
        (KeyError("x"), False),
    ],
)
def test_only_trouble_that_passes_is_tried_again(error, passing):
    assert is_transient(error) is passing
