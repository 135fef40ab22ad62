"""What the answers of stores mean: texts as obstore gives them, of servers that are not at hand here."""

import pytest

from hilum_sink_s3.answers import Answer
from hilum_sink_s3.meaning import Verdict, meaning_of

_TEXT = (
    "Generic S3 error: Error performing PUT https://bucket.example.org/secret/key in 1.2ms - "
    "Server returned non-2xx status code: {status}: <?xml version='1.0'?>\n"
    "<Error><Code>{code}</Code><Message>secret</Message></Error>\n\nDebug source:\n"
    "Generic {{ status: {status}, }}"
)


def _answer(status, code=""):
    return Answer.of(RuntimeError(_TEXT.format(status=f"{status} Words", code=code)))


@pytest.mark.parametrize(
    ("status", "code", "verdict", "setting"),
    [
        (301, "PermanentRedirect", Verdict.UNAVAILABLE, "region"),
        (400, "AuthorizationHeaderMalformed", Verdict.UNAVAILABLE, "region"),
        (400, "ExpiredToken", Verdict.UNAVAILABLE, ""),
        (401, "", Verdict.UNAVAILABLE, ""),
        (403, "AccessDenied", Verdict.RIGHTS, "url"),
        (403, "AuthorizationPermissionMismatch", Verdict.RIGHTS, "url"),
        (403, "SignatureDoesNotMatch", Verdict.UNAVAILABLE, ""),
        (403, "AuthenticationFailed", Verdict.UNAVAILABLE, ""),
        (403, "RequestTimeTooSkewed", Verdict.UNAVAILABLE, ""),
        (403, "InvalidObjectState", Verdict.REFUSED, "exists"),
        (404, "NoSuchBucket", Verdict.UNAVAILABLE, "url"),
        (404, "ContainerNotFound", Verdict.UNAVAILABLE, "url"),
        (404, "NoSuchKey", Verdict.NOTHING, ""),
        (404, "", Verdict.NOTHING, ""),
        (400, "InvalidStorageClass", Verdict.UNAVAILABLE, "storage_class"),
        (400, "KMS.NotFoundException", Verdict.UNAVAILABLE, "kms_key"),
        (400, "BadDigest", Verdict.PASSING, ""),
        (400, "KeyTooLongError", Verdict.PERMANENT, "layout"),
        (413, "EntityTooLarge", Verdict.PERMANENT, ""),
        (400, "InvalidArgument", Verdict.REFUSED, ""),
        (429, "", Verdict.PASSING, ""),
        (500, "InternalError", Verdict.PASSING, ""),
        (503, "SlowDown", Verdict.PASSING, ""),
        (501, "NotImplemented", Verdict.UNAVAILABLE, "conditional"),
        (507, "", Verdict.UNAVAILABLE, "url"),
    ],
)
def test_an_answer_says_who_is_at_fault_and_where_to_look(status, code, verdict, setting):
    answer = _answer(status, code)
    assert (answer.trouble, answer.status, answer.code) == ("answered", status, code)
    meaning = meaning_of(answer)
    assert (meaning.verdict, meaning.setting) == (verdict, setting)
    assert "secret" not in meaning.words + answer.name


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            'HTTP error: error sending request kind: Connect ConnectError( "dns error"',
            "its name is not known",
        ),
        (
            "HTTP error: kind: Connect, InvalidCertificate: invalid peer certificate: UnknownIssuer",
            "its certificate is not trusted; set ca_file",
        ),
        ("HTTP error: kind: Connect, error: InvalidMessage( InvalidContentType", "it does not speak TLS"),
        ("HTTP error: kind: Connect, kind: ConnectionRefused,", "it refuses the connection"),
        ("HTTP error: error sending request kind: Timeout,", "it does not answer in time"),
        ("HTTP error: request or response body error", "the connection broke"),
    ],
)
def test_silence_is_told_from_silence(text, words):
    meaning = meaning_of(Answer.of(RuntimeError(text)))
    assert meaning.verdict is Verdict.UNAVAILABLE
    assert meaning.words == f"cannot be reached: {words}"


def test_other_troubles_have_words_too():
    moved = Answer.of(
        RuntimeError("Received redirect without LOCATION, this normally indicates an incorrectly")
    )
    assert meaning_of(moved).setting == "region"
    keyless = Answer.of(
        RuntimeError("Error performing PUT http://169.254.169.254/latest/api/token in 1s - HTTP")
    )
    assert "no credentials were found" in meaning_of(keyless).words
    odd = Answer.of(KeyError("secret"))
    assert meaning_of(odd).words == "could not be asked (KeyError)"
