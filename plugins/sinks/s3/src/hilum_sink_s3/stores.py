"""From the settings to a client of the store: options of obstore, and nothing sent yet."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import quote

from obstore.exceptions import BaseError
from obstore.store import AzureStore, GCSStore, S3Store

from hilum_sdk import ConfigError, Secret
from hilum_sink_s3.config import S3Config

if TYPE_CHECKING:  # they exist for type checkers only
    from obstore.store import AzureConfig, ClientConfig, GCSConfig, RetryConfig
    from obstore.store import S3Config as S3Options

Store = S3Store | GCSStore | AzureStore
_CONNECT_WITHIN = timedelta(seconds=10)


def open_store(config: S3Config, *, label: str) -> Store:
    """Make the client; secrets are read now.

    Raises
    ------
    ConfigError
        A secret or the certificates cannot be read, or the client takes no such settings.
    """
    client, retry = _client_options(config, label), _retry_options(config)
    try:
        match config.url.scheme:
            case "s3":
                return S3Store(
                    config.url.bucket, config=s3_options(config), client_options=client, retry_config=retry
                )
            case "gs":
                return GCSStore(
                    config.url.bucket, config=gcs_options(config), client_options=client, retry_config=retry
                )
            case "az":
                return AzureStore(
                    config.url.bucket, config=azure_options(config), client_options=client, retry_config=retry
                )
    except (BaseError, ValueError):
        # Its text may hold a key.
        raise ConfigError(
            f"{label}: the client of the store does not take these settings; look at its keys and at ca_file"
        ) from None


def s3_options(config: S3Config) -> S3Options:
    """Give the options of S3."""
    options: S3Options = {"virtual_hosted_style_request": not _is_path_style(config)}
    if config.endpoint is not None:
        host = config.endpoint
        options["endpoint"] = host.url if _is_path_style(config) else host.with_host_prefix(config.url.bucket)
    if config.region is not None:
        options["region"] = config.region
    if config.access_key_id is not None:
        options["access_key_id"] = _said(config.access_key_id)
        options["secret_access_key"] = _said(config.secret_access_key)
    if config.session_token is not None:
        options["session_token"] = _said(config.session_token)
    if config.encryption is not None:
        options["server_side_encryption"] = config.encryption
    if config.kms_key is not None:
        options["sse_kms_key_id"] = config.kms_key
    if config.checksum != "none":
        options["checksum_algorithm"] = config.checksum
    return options


def gcs_options(config: S3Config) -> GCSConfig:
    """Give the options of Google Cloud Storage."""
    options: GCSConfig = {}
    if config.endpoint is not None:
        options["base_url"] = config.endpoint.url
    if config.service_account_key is not None:
        options["service_account_key"] = _said(config.service_account_key)
    return options


def azure_options(config: S3Config) -> AzureConfig:
    """Give the options of Azure."""
    options: AzureConfig = {}
    if config.endpoint is not None:
        options["endpoint"] = config.endpoint.url
    if config.account is not None:
        options["account_name"] = config.account
    if config.account_key is not None:
        options["account_key"] = _said(config.account_key)
    if config.sas_token is not None:
        options["sas_key"] = _said(config.sas_token)
    return options


def _is_path_style(config: S3Config) -> bool:
    return config.endpoint is not None if config.path_style is None else config.path_style


def _client_options(config: S3Config, label: str) -> ClientConfig:
    options: ClientConfig = {
        "allow_http": config.allow_http,
        "connect_timeout": min(_CONNECT_WITHIN, config.request_timeout),
        "timeout": config.request_timeout,
        "user_agent": "hilum",
    }
    if config.proxy is not None:
        user = config.proxy_user
        login = f"{quote(user, safe='')}:{quote(_said(config.proxy_password), safe='')}@" if user else ""
        scheme, _, rest = config.proxy.url.partition("://")
        options["proxy_url"] = f"{scheme}://{login}{rest}"
    if config.ca_file is not None:
        try:
            options["root_certificate"] = config.ca_file.read_bytes()
        except OSError as error:
            raise ConfigError(f"{label}.ca_file: {config.ca_file} cannot be read: {error.strerror}") from None
    return options


def _retry_options(config: S3Config) -> RetryConfig:
    """Twice at once, against what passes in a moment; the queue does the rest, and knows that it waits."""
    return {
        "max_retries": 2,
        "retry_timeout": config.request_timeout,
        "backoff": {
            "init_backoff": timedelta(milliseconds=200),
            "max_backoff": timedelta(seconds=2),
            "base": 2,
        },
    }


def _said(secret: Secret | None) -> str:
    assert secret is not None, "the config has seen to it that it is there"
    return secret.reveal()
