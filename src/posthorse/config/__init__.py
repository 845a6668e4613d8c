"""One TOML file into one frozen, checked tree.

Promise: nothing outside this package sees a table of the file; what `load_config` returns has been checked as a whole.
"""

from posthorse.config.check import warnings_of
from posthorse.config.domains import DkimSettings, DomainSettings
from posthorse.config.entrance import (
    AccessKeySettings,
    ClassifySettings,
    ListenerSettings,
    MatchSettings,
    TrustedSourceSettings,
)
from posthorse.config.limits import LimitSettings, RetentionSettings
from posthorse.config.load import load_config, read_config
from posthorse.config.problem import ConfigProblems, Problem
from posthorse.config.providers import (
    MailboxSettings,
    PostmarkSettings,
    ProviderSettings,
    SendGridSettings,
    SesSettings,
    SmtpSettings,
)
from posthorse.config.reload import Reloaded, merged, reload_config
from posthorse.config.secret import Secret
from posthorse.config.setting import Address, SpoolUrl
from posthorse.config.tree import Config, DispatchSettings, LogSettings, NodeSettings, RouteSettings

__all__ = [
    "AccessKeySettings",
    "Address",
    "ClassifySettings",
    "Config",
    "ConfigProblems",
    "DispatchSettings",
    "DkimSettings",
    "DomainSettings",
    "LimitSettings",
    "ListenerSettings",
    "LogSettings",
    "MailboxSettings",
    "MatchSettings",
    "NodeSettings",
    "PostmarkSettings",
    "Problem",
    "ProviderSettings",
    "Reloaded",
    "RetentionSettings",
    "RouteSettings",
    "Secret",
    "SendGridSettings",
    "SesSettings",
    "SmtpSettings",
    "SpoolUrl",
    "TrustedSourceSettings",
    "load_config",
    "merged",
    "read_config",
    "reload_config",
    "warnings_of",
]
