"""What a wrong config says, and what becomes of a right one."""

from datetime import timedelta

import pytest
import tomli

from hilum_sdk import ConfigError
from hilum_sdk.config import ConfigProblems, describe, structure
from hilum_sink_s3.config import S3Config
from hilum_sink_s3.stores import azure_options, gcs_options, open_store, s3_options

KEYS = 'access_key_id = { env = "A" }\nsecret_access_key = { env = "B" }\n'


def _read(toml):
    return structure(tomli.loads(toml if "url =" in toml else f'url = "s3://bucket"\n{toml}'), S3Config)


@pytest.mark.parametrize(
    ("toml", "said"),
    [
        (
            'url = "http://x/y"',
            (
                "url: begins with one of s3:// (S3), gs:// (Google Cloud Storage), az:// (Azure Blob "
                "Storage), and then names the bucket"
            ),
        ),
        ('url = "s3://a"', "url: 'a' is no name for a bucket"),
        ('url = "s3://../x"', "url: '..' is no name for a bucket"),
        (
            'url = "s3://bucket/a//b"',
            "url: has a prefix with an empty name, '.' or '..' in it, or what cannot be printed",
        ),
        ("url = 3", 'url: expected a URL such as "s3://bucket/prefix", got 3'),
        (
            'layout = "{PatientI}"',
            "layout: DICOM has no element called 'PatientI'; did you mean 'PatientID'?",
        ),
        (
            'endpoint = "http://s3.example.org"',
            "endpoint: is not encrypted; write https://, or set allow_http = true",
        ),
        (
            'endpoint = "s3.example.org"',
            "endpoint: expected a URL such as \"https://s3.example.org\", got 's3.example.org'",
        ),
        (
            'endpoint = "https://me:secret@s3.example.org"',
            "endpoint: holds a user or password; give them by the keys made for that",
        ),
        (
            'proxy = "http://proxy:99999"',
            "proxy: expected a URL such as \"https://s3.example.org\", got 'http://proxy:99999'",
        ),
        ('access_key_id = { env = "A" }', "access_key_id: needs secret_access_key beside it"),
        ('secret_access_key = { env = "A" }', "secret_access_key: needs access_key_id beside it"),
        ('session_token = { env = "A" }', "session_token: needs access_key_id beside it"),
        (
            'access_key_id = "AKIA"',
            'access_key_id: expected a secret by reference, { env = "NAME" } or { file = "PATH" }',
        ),
        ('account = "x"', "account: is for az://, not s3://"),
        ('service_account_key = { env = "A" }', "service_account_key: is for gs://, not s3://"),
        ('url = "gs://bucket"\nregion = "eu"', "region: is for s3://, not gs://"),
        ('url = "az://bucket"\nencryption = "AES256"', "encryption: is for s3://, not az://"),
        (
            'url = "az://bucket"\naccount_key = { env = "A" }\nsas_token = { env = "B" }',
            "sas_token: stands beside account_key; give one of them",
        ),
        ('kms_key = "k"', 'kms_key: needs encryption = "aws:kms" or "aws:kms:dsse"'),
        ('encryption = "AES256"\nkms_key = "k"', 'kms_key: needs encryption = "aws:kms" or "aws:kms:dsse"'),
        ('proxy_user = "me"\nproxy_password = { env = "A" }', "proxy_user: needs proxy beside it"),
        ('at_once = "2GiB"', "at_once: is at most 1 GiB: each worker holds as much in memory"),
    ],
    ids=lambda value: value,
)
def test_says_what_is_wrong_and_what_to_do(toml, said):
    with pytest.raises(ConfigProblems) as caught:
        _read(toml)
    assert [str(problem) for problem in caught.value.problems] == [said]


def test_the_help_shows_what_holds_if_nothing_is_said():
    defaults = {field.key: field.default for field in describe(S3Config) if field.default}
    assert defaults == {
        "layout": '"{PatientID}/{StudyInstanceUID}/{SeriesInstanceUID}/{SOPInstanceUID}.dcm"',
        "exists": '"number"',
        "missing": '"unknown"',
        "allow_http": "false",
        "checksum": '"SHA256"',
        "conditional": "true",
        "at_once": '"32MiB"',
        "request_timeout": '"1m"',
    }


@pytest.fixture
def secrets(monkeypatch):
    for name in "AB":
        monkeypatch.setenv(name, f"secret-{name}")


def test_settings_become_options_of_s3(secrets):
    config = _read(
        'region = "eu-central-1"\nencryption = "aws:kms"\nkms_key = "alias/x"\n'
        f'checksum = "CRC64NVME"\n{KEYS}'
    )
    assert s3_options(config) == {
        "virtual_hosted_style_request": True,
        "region": "eu-central-1",
        "access_key_id": "secret-A",
        "secret_access_key": "secret-B",
        "server_side_encryption": "aws:kms",
        "sse_kms_key_id": "alias/x",
        "checksum_algorithm": "CRC64NVME",
    }


@pytest.mark.parametrize(
    ("toml", "expected"),
    [
        ('endpoint = "https://s3.example.org/"', (False, "https://s3.example.org")),
        ('endpoint = "https://s3.example.org"\npath_style = false', (True, "https://bucket.s3.example.org")),
        ("path_style = true", (False, None)),
    ],
)
def test_the_bucket_stands_in_the_path_or_the_host(toml, expected):
    options = s3_options(_read(toml))
    assert (options["virtual_hosted_style_request"], options.get("endpoint")) == expected


def test_settings_become_options_of_the_other_clouds(secrets):
    google = _read(
        'url = "gs://bucket"\nservice_account_key = { env = "A" }\nendpoint = "https://gcs.example.org"'
    )
    assert gcs_options(google) == {"service_account_key": "secret-A", "base_url": "https://gcs.example.org"}
    azure = _read('url = "az://bucket"\naccount = "hospital"\nsas_token = { env = "B" }')
    assert azure_options(azure) == {"account_name": "hospital", "sas_key": "secret-B"}
    azure = _read('url = "az://bucket"\naccount = "hospital"\naccount_key = { env = "A" }')
    assert azure_options(azure) == {"account_name": "hospital", "account_key": "secret-A"}


def test_what_the_client_does_not_take_is_said_without_a_secret(secrets, tmp_path):
    no_json = _read('url = "gs://bucket"\nservice_account_key = { env = "A" }')
    with pytest.raises(ConfigError) as caught:
        open_store(no_json, label="sinks.x")
    assert str(caught.value) == (
        "sinks.x: the client of the store does not take these settings; look at its keys and at ca_file"
    )
    missing = _read(f'ca_file = "{tmp_path}/none.pem"')
    with pytest.raises(ConfigError, match=r"^sinks.x.ca_file: .*none.pem cannot be read: No such file"):
        open_store(missing, label="sinks.x")


def test_obstores_own_retries_are_short():
    from hilum_sink_s3.stores import _retry_options

    options = _retry_options(_read("request_timeout = '5s'"))
    assert options["max_retries"] == 2
    assert options["retry_timeout"] == timedelta(seconds=5)
