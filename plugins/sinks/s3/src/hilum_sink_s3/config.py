"""The settings of the sink."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Literal

import attrs

from hilum_sdk import Secret, Size, about
from hilum_sdk.config import ConfigProblem, ConfigProblems, not_empty, positive
from hilum_sdk.naming import Layout, is_safe_name
from hilum_sink_s3.urls import BucketUrl, Scheme, ServerUrl

PART_BYTES = 8 << 20
"""Of each part of a large object; larger for one that would have more than 10,000, which S3 does not take."""

_LARGEST_AT_ONCE = 1 << 30
_ONLY: dict[str, tuple[Scheme, ...]] = {
    "region": ("s3",),
    "path_style": ("s3",),
    "access_key_id": ("s3",),
    "secret_access_key": ("s3",),
    "session_token": ("s3",),
    "encryption": ("s3",),
    "kms_key": ("s3",),
    "service_account_key": ("gs",),
    "account": ("az",),
    "account_key": ("az",),
    "sas_token": ("az",),
}


@attrs.frozen(kw_only=True)
class S3Config:
    """Which bucket, under which keys, and how it is reached."""

    url: BucketUrl = attrs.field(
        metadata=about(
            "The bucket, and what all keys begin with. s3:// is S3 and all that speaks it, gs:// Google "
            "Cloud Storage, az:// a container of Azure Blob Storage. The bucket must be there.",
            example='"s3://research/export"',
        ),
    )
    layout: Layout = attrs.field(
        default=Layout.parse("{PatientID}/{StudyInstanceUID}/{SeriesInstanceUID}/{SOPInstanceUID}.dcm"),
        metadata=about(
            "The key of an object below url, made of what leaves. {Keyword} stands for an element's value, "
            "{SeriesNumber:04} for a number with at least 4 digits, {StudyDescription:.40} for at most 40 "
            "characters.",
            example='"{PatientID}/{StudyDate}/{SeriesNumber:04}/{SOPInstanceUID}.dcm"',
        ),
    )
    exists: Literal["keep", "overwrite", "number"] = attrs.field(
        default="number",
        metadata=about(
            "What to do where another object has the key. keep: it stays and the new one becomes a dead "
            "letter; overwrite: the last one stays; number: all stay, NAME-2.dcm and so on. An object that "
            "is there already is not sent again."
        ),
    )
    missing: str = attrs.field(
        default="unknown",
        validator=[not_empty, is_safe_name],
        metadata=about("What stands for an element that is missing or empty."),
    )
    endpoint: ServerUrl | None = attrs.field(
        default=None,
        metadata=about(
            "The server, where it is not the cloud that url names.", example='"https://s3.example.org"'
        ),
    )
    allow_http: bool = attrs.field(
        default=False, metadata=about("Whether an endpoint may be reached without TLS, for all to read.")
    )
    region: str | None = attrs.field(
        default=None,
        validator=not_empty,
        metadata=about(
            "The region of the bucket. Default: AWS_REGION, then us-east-1.", example='"eu-central-1"'
        ),
    )
    path_style: bool | None = attrs.field(
        default=None,
        metadata=about(
            "Whether the bucket stands in the path of a request, or in the name of the host. Where it is not "
            "set: in the path if there is an endpoint."
        ),
    )
    access_key_id: Secret | None = attrs.field(
        default=None,
        metadata=about(
            "Who signs, for s3://. Without it: the variables AWS_ACCESS_KEY_ID and so on, a web identity, "
            "the role of the container or of the machine.",
            example='{ env = "EXPORT_KEY_ID" }',
        ),
    )
    secret_access_key: Secret | None = attrs.field(
        default=None,
        metadata=about("The secret that belongs to access_key_id.", example='{ file = "/etc/hilum/s3.key" }'),
    )
    session_token: Secret | None = attrs.field(
        default=None, metadata=about("The token of temporary keys, where access_key_id is one.")
    )
    service_account_key: Secret | None = attrs.field(
        default=None,
        metadata=about(
            "The key of a service account, as JSON, for gs://. Without it: GOOGLE_APPLICATION_CREDENTIALS, "
            "the service account of the machine.",
            example='{ file = "/etc/hilum/gcs.json" }',
        ),
    )
    account: str | None = attrs.field(
        default=None,
        validator=not_empty,
        metadata=about("The storage account, for az://. Without it: AZURE_STORAGE_ACCOUNT_NAME."),
    )
    account_key: Secret | None = attrs.field(
        default=None,
        metadata=about(
            "The key of the storage account. Without it and sas_token: AZURE_STORAGE_ACCOUNT_KEY and so on, "
            "a workload identity, the identity of the machine."
        ),
    )
    sas_token: Secret | None = attrs.field(
        default=None, metadata=about("A shared access signature, for az://.")
    )
    storage_class: str | None = attrs.field(
        default=None,
        validator=not_empty,
        metadata=about("The storage class of new objects, of Azure the tier.", example='"STANDARD_IA"'),
    )
    encryption: Literal["AES256", "aws:kms", "aws:kms:dsse"] | None = attrs.field(
        default=None,
        metadata=about("How the server encrypts new objects. Where it is not set: as the bucket says."),
    )
    kms_key: str | None = attrs.field(
        default=None,
        validator=not_empty,
        metadata=about(
            "The key that it encrypts with, by id, ARN or alias. Default: the account's own.",
            example='"alias/research"',
        ),
    )
    checksum: Literal["SHA256", "CRC64NVME", "none"] = attrs.field(
        default="SHA256",
        metadata=about(
            "The checksum that is sent along with s3://, and that the server compares. none: for servers "
            "that know neither."
        ),
    )
    conditional: bool = attrs.field(
        default=True,
        metadata=about(
            "Whether the server is asked to store an object only if nothing has its key. false, for servers "
            "that cannot: it is looked before, and of two routers that store under one key at a time the "
            "later wins."
        ),
    )
    at_once: Size = attrs.field(
        default=Size(32 << 20),
        validator=positive,
        metadata=about(
            "Up to which size an object is sent in one request, out of memory. A larger one is sent in parts "
            "of 8 MiB, and there conditional = false holds."
        ),
    )
    request_timeout: timedelta = attrs.field(
        default=timedelta(seconds=60),
        validator=positive,
        metadata=about("How long one request may take. On a slow line, make it longer or at_once smaller."),
    )
    proxy: ServerUrl | None = attrs.field(
        default=None,
        metadata=about(
            "The proxy to go through. Without it: the variables HTTPS_PROXY and NO_PROXY.",
            example='"http://proxy.example.org:3128"',
        ),
    )
    proxy_user: str | None = attrs.field(
        default=None, validator=not_empty, metadata=about("The user that the proxy wants.")
    )
    proxy_password: Secret | None = attrs.field(default=None, metadata=about("The password of proxy_user."))
    ca_file: Path | None = attrs.field(
        default=None,
        metadata=about(
            "Certificates, PEM, that are trusted besides those of the system.", example='"/etc/hilum/ca.pem"'
        ),
    )

    @endpoint.validator
    def _is_encrypted(self, _: attrs.Attribute[ServerUrl | None], value: ServerUrl | None) -> None:
        if value is not None and not value.is_encrypted and not self.allow_http:
            raise ValueError("is not encrypted; write https://, or set allow_http = true")

    @at_once.validator
    def _fits_in_memory(self, _: attrs.Attribute[Size], value: Size) -> None:
        if value > _LARGEST_AT_ONCE:
            raise ValueError("is at most 1 GiB: each worker holds as much in memory")

    def __attrs_post_init__(self) -> None:
        problems = [
            ConfigProblem(
                key, f"is for {' and '.join(f'{one}://' for one in schemes)}, not {self.url.scheme}://"
            )
            for key, schemes in _ONLY.items()
            if getattr(self, key) is not None and self.url.scheme not in schemes
        ]
        for one, other in (
            ("access_key_id", "secret_access_key"),
            ("secret_access_key", "access_key_id"),
            ("session_token", "access_key_id"),
            ("proxy_user", "proxy"),
            ("proxy_user", "proxy_password"),
            ("proxy_password", "proxy_user"),
        ):
            if getattr(self, one) is not None and getattr(self, other) is None:
                problems.append(ConfigProblem(one, f"needs {other} beside it"))
        if self.account_key is not None and self.sas_token is not None:
            problems.append(ConfigProblem("sas_token", "stands beside account_key; give one of them"))
        if self.kms_key is not None and self.encryption not in {"aws:kms", "aws:kms:dsse"}:
            problems.append(ConfigProblem("kms_key", 'needs encryption = "aws:kms" or "aws:kms:dsse"'))
        if problems:
            raise ConfigProblems(problems)
