"""Says whether an indicator type is one the vendor is known for; never decides what is published: the others are only counted.

A type is a threat and a form, such as `c2_ip`. The vendor adds some from time to time, so a new one is no error, but a rule somewhere
may go by the types.
"""

from __future__ import annotations

_THREATS = """actor adware anon apt bot browser brute c2 comm_proxy compromised crypto ddos disposable downloader dyn email exfil exploit fraud
    free geolocated geolocation hack i2p image infostealer infrastructure iot ipcheck mal p2p p2pcnc parked pastesite phish pos proxy
    ransomware rootkit scan sinkhole social spam speedtest ssh ssl suspicious tor torrent trojan vpn vps whois"""
_FORMS = """attachment_subject bulk_reg_email cert_serial_number dns dns_domain domain email email_domain email_subject email_subject_line
    extension_id file_name file_path hash ip ipv6 md5 media_url mta mutex pool privacy_domain privacy_email proxy proxy_ipv6 reg_email
    registry_key serv_account service_description service_displayname service_name sha1 sha256 sha512 ssdeep sslcert_sh1 sslcert_sha1
    subject tool tool_md5 tracker_url ua url username vpn vpn_ipv6 wallet"""

KNOWN: frozenset[str] = frozenset(
    {f"{threat}_{form}" for threat in _THREATS.split() for form in _FORMS.split()} | {"p2pcnc", "suppress"}
)
