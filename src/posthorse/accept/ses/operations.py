"""The operations of the SES API by name: those of v1, and those of v2 by method and path.

Only names: so that an operation this gateway does not have is refused by its name, and nonsense as nonsense.
Source: service models of SES 2010-12-01 and SESv2 2019-09-27; older clients use some older paths.
"""

import re
from typing import Final

_V1 = """
CloneReceiptRuleSet CreateConfigurationSet CreateConfigurationSetEventDestination
CreateConfigurationSetTrackingOptions CreateCustomVerificationEmailTemplate CreateReceiptFilter CreateReceiptRule
CreateReceiptRuleSet CreateTemplate DeleteConfigurationSet DeleteConfigurationSetEventDestination
DeleteConfigurationSetTrackingOptions DeleteCustomVerificationEmailTemplate DeleteIdentity DeleteIdentityPolicy
DeleteReceiptFilter DeleteReceiptRule DeleteReceiptRuleSet DeleteTemplate DeleteVerifiedEmailAddress
DescribeActiveReceiptRuleSet DescribeConfigurationSet DescribeReceiptRule DescribeReceiptRuleSet
GetAccountSendingEnabled GetCustomVerificationEmailTemplate GetIdentityDkimAttributes
GetIdentityMailFromDomainAttributes GetIdentityNotificationAttributes GetIdentityPolicies
GetIdentityVerificationAttributes GetSendQuota GetSendStatistics GetTemplate ListConfigurationSets
ListCustomVerificationEmailTemplates ListIdentities ListIdentityPolicies ListReceiptFilters ListReceiptRuleSets
ListTemplates ListVerifiedEmailAddresses PutConfigurationSetDeliveryOptions PutIdentityPolicy ReorderReceiptRuleSet
SendBounce SendBulkTemplatedEmail SendCustomVerificationEmail SendEmail SendRawEmail SendTemplatedEmail
SetActiveReceiptRuleSet SetIdentityDkimEnabled SetIdentityFeedbackForwardingEnabled
SetIdentityHeadersInNotificationsEnabled SetIdentityMailFromDomain SetIdentityNotificationTopic
SetReceiptRulePosition TestRenderTemplate UpdateAccountSendingEnabled UpdateConfigurationSetEventDestination
UpdateConfigurationSetReputationMetricsEnabled UpdateConfigurationSetSendingEnabled
UpdateConfigurationSetTrackingOptions UpdateCustomVerificationEmailTemplate UpdateReceiptRule UpdateTemplate
VerifyDomainDkim VerifyDomainIdentity VerifyEmailAddress VerifyEmailIdentity
"""

_V2 = """
AssociateEmailIdentityCertificate POST identity/certificates
BatchGetMetricData POST metrics/batch
CancelExportJob PUT export-jobs/*/cancel
CreateConfigurationSet POST configuration-sets
CreateConfigurationSetEventDestination POST configuration-sets/*/event-destinations
CreateContact POST contact-lists/*/contacts
CreateContactList POST contact-lists
CreateCustomVerificationEmailTemplate POST custom-verification-email-templates
CreateDedicatedIpPool POST dedicated-ip-pools
CreateDeliverabilityTestReport POST deliverability-dashboard/test
CreateEmailIdentity POST identities
CreateEmailIdentityPolicy POST identities/*/policies/*
CreateEmailTemplate POST templates
CreateExportJob POST export-jobs
CreateImportJob POST import-jobs
CreateMultiRegionEndpoint POST multi-region-endpoints
CreateTenant POST tenants
CreateTenantResourceAssociation POST tenants/resources
DeleteConfigurationSet DELETE configuration-sets/*
DeleteConfigurationSetEventDestination DELETE configuration-sets/*/event-destinations/*
DeleteContact DELETE contact-lists/*/contacts/*
DeleteContactList DELETE contact-lists/*
DeleteCustomVerificationEmailTemplate DELETE custom-verification-email-templates/*
DeleteDedicatedIpPool DELETE dedicated-ip-pools/*
DeleteEmailIdentity DELETE identities/*
DeleteEmailIdentityPolicy DELETE identities/*/policies/*
DeleteEmailTemplate DELETE templates/*
DeleteMultiRegionEndpoint DELETE multi-region-endpoints/*
DeleteSuppressedDestination DELETE suppression/addresses/*
DeleteTenant POST tenants/delete
DeleteTenantResourceAssociation POST tenants/resources/delete
DisassociateEmailIdentityCertificate POST identity/certificates/delete
GetAccount GET account
GetBlacklistReports GET deliverability-dashboard/blacklist-report
GetConfigurationSet GET configuration-sets/*
GetConfigurationSetEventDestinations GET configuration-sets/*/event-destinations
GetContact GET contact-lists/*/contacts/*
GetContactList GET contact-lists/*
GetCustomVerificationEmailTemplate GET custom-verification-email-templates/*
GetDedicatedIp GET dedicated-ips/*
GetDedicatedIpPool GET dedicated-ip-pools/*
GetDedicatedIps GET dedicated-ips
GetDeliverabilityDashboardOptions GET deliverability-dashboard
GetDeliverabilityTestReport GET deliverability-dashboard/test-reports/*
GetDomainDeliverabilityCampaign GET deliverability-dashboard/campaigns/*
GetDomainStatisticsReport GET deliverability-dashboard/statistics-report/*
GetEmailAddressInsights POST email-address-insights/
GetEmailIdentity GET identities/*
GetEmailIdentityPolicies GET identities/*/policies
GetEmailTemplate GET templates/*
GetExportJob GET export-jobs/*
GetImportJob GET import-jobs/*
GetMessageInsights GET insights/*/
GetMultiRegionEndpoint GET multi-region-endpoints/*
GetReputationEntity GET reputation/entities/*/*
GetSuppressedDestination GET suppression/addresses/*
GetTenant POST tenants/get
ListConfigurationSets POST list-configuration-sets
ListContactLists GET contact-lists
ListContacts POST contact-lists/*/contacts/list
ListCustomVerificationEmailTemplates GET custom-verification-email-templates
ListDedicatedIpPools GET dedicated-ip-pools
ListDeliverabilityTestReports GET deliverability-dashboard/test-reports
ListDomainDeliverabilityCampaigns GET deliverability-dashboard/domains/*/campaigns
ListEmailIdentities POST list-identities
ListEmailIdentityCertificates POST identity/certificates/list
ListEmailTemplates GET templates
ListExportJobs POST list-export-jobs
ListImportJobs POST import-jobs/list
ListMultiRegionEndpoints GET multi-region-endpoints
ListRecommendations POST vdm/recommendations
ListReputationEntities POST reputation/entities
ListResourceTenants POST resources/tenants/list
ListSuppressedDestinations GET suppression/addresses
ListTagsForResource GET tags
ListTenantResources POST tenants/resources/list
ListTenants POST tenants/list
PutAccountDedicatedIpWarmupAttributes PUT account/dedicated-ips/warmup
PutAccountDetails POST account/details
PutAccountPricingAttributes PUT account/pricing-attributes
PutAccountSendingAttributes PUT account/sending
PutAccountSuppressionAttributes PUT account/suppression
PutAccountVdmAttributes PUT account/vdm
PutConfigurationSetArchivingOptions PUT configuration-sets/*/archiving-options
PutConfigurationSetDeliveryOptions PUT configuration-sets/*/delivery-options
PutConfigurationSetReputationOptions PUT configuration-sets/*/reputation-options
PutConfigurationSetSendingOptions PUT configuration-sets/*/sending
PutConfigurationSetSuppressionOptions PUT configuration-sets/*/suppression-options
PutConfigurationSetTrackingOptions PUT configuration-sets/*/tracking-options
PutConfigurationSetVdmOptions PUT configuration-sets/*/vdm-options
PutDedicatedIpInPool PUT dedicated-ips/*/pool
PutDedicatedIpPoolScalingAttributes PUT dedicated-ip-pools/*/scaling
PutDedicatedIpWarmupAttributes PUT dedicated-ips/*/warmup
PutDeliverabilityDashboardOption PUT deliverability-dashboard
PutEmailIdentityConfigurationSetAttributes PUT identities/*/configuration-set
PutEmailIdentityDkimAttributes PUT identities/*/dkim
PutEmailIdentityDkimSigningAttributes PUT identities/*/dkim/signing
PutEmailIdentityFeedbackAttributes PUT identities/*/feedback
PutEmailIdentityMailFromAttributes PUT identities/*/mail-from
PutSuppressedDestination PUT suppression/addresses
PutTenantSuppressionAttributes POST tenant/suppression
SendBulkEmail POST outbound-bulk-emails
SendCustomVerificationEmail POST outbound-custom-verification-emails
SendEmail POST outbound-emails
TagResource POST tags
TestRenderEmailTemplate POST templates/*/render
UntagResource DELETE tags
UpdateConfigurationSet POST update-configuration-sets
UpdateConfigurationSetEventDestination PUT configuration-sets/*/event-destinations/*
UpdateContact PUT contact-lists/*/contacts/*
UpdateContactList PUT contact-lists/*
UpdateCustomVerificationEmailTemplate PUT custom-verification-email-templates/*
UpdateEmailIdentityPolicy PUT identities/*/policies/*
UpdateEmailTemplate PUT templates/*
UpdateReputationEntityCustomerManagedStatus PUT reputation/entities/*/*/customer-managed-status
UpdateReputationEntityPolicy PUT reputation/entities/*/*/policy
"""

_V2_OLDER = """
ListEmailIdentities GET identities
ListConfigurationSets GET configuration-sets
"""

V1_ACTIONS: Final = frozenset(_V1.split())


def _read() -> dict[tuple[str, int], list[tuple[re.Pattern[str], str]]]:
    """By method and number of path segments: patterns with the operation's name, fixed paths first."""
    found: dict[tuple[str, int], list[tuple[re.Pattern[str], str]]] = {}
    lines = sorted((_V2 + _V2_OLDER).split("\n"), key=lambda line: line.count("*"))
    for name, method, path in (line.split() for line in lines if line):
        pattern = re.compile(re.escape(path.rstrip("/")).replace(r"\*", "[^/]+") + "/?")
        found.setdefault((method, path.rstrip("/").count("/")), []).append((pattern, name))
    return found


_BY_SHAPE = _read()


def v2_operation(method: str, path: str) -> str:
    """The name of the operation at a path below `/v2/email/`; empty: there is none."""
    candidates = _BY_SHAPE.get((method, path.rstrip("/").count("/")), ())
    return next((name for pattern, name in candidates if pattern.fullmatch(path)), "")
