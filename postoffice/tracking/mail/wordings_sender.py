"""What servers say against us: our address, name, server, message or manner."""

from postoffice.tracking.mail.rule import Rule, rule
from postoffice.tracking.mail.values import Reason

#: clear words against the sender; they win over words about the recipient in the same reply
SENDER: tuple[Rule, ...] = (
    rule(
        Reason.SPAMDETECTED,
        "rhost-gsuite-12.eml, rfc3464-61.eml: goes on about SPF as a remedy",
        "Your email to group @ was rejected due to spam classification. Set up SPF records for your sending domain",
        r"due to spam classification",
    ),
    rule(
        Reason.AUTHFAILURE,
        "lhost-dragonfly-01.eml, lhost-dragonfly-05.eml, lhost-postfix-72.eml, rhost-microsoft-04.eml, rhost-google-04.eml, "
        "rhost-apple-02.eml",
        "550 5.7.1 Email rejected per DMARC policy for libsisimai.org",
        r"\bdmarc\b|\bdkim\b[^.]{0,60}(?:fail|invalid|not|required)|sender is unauthenticated|unauthenticated e-?mail"
        r"|authentication checks? failed",
        r"\bspf\b[^.]{0,80}(?:fail|not|reject|denied|forbidden|record|check|mismatch|softfail|violation|restrict)|openspf\.(?:org"
        r"|net)|sender policy framework",
        r"(?:failed|fail|fails|rejected|due to)[^.]{0,40}\b(?:spf|dkim)\b|not (?:designated|permitted"
        r"|authori[sz]ed)[^.]{0,40}(?:sender|to send mail (?:for|from))",
        r"is not allowed to send mail from|doesn't meet the required authentication level|sender (?:domain )?(?:is not"
        r"|not) authenticated",
    ),
    rule(
        Reason.REQUIREPTR,
        "rhost-google-06.eml, RFC 7372 X.7.25",
        "550-5.7.25 [192.0.2.202] The IP address sending this message does not have a PTR record setup",
        r"\bptr (?:record|entry|or a)|missing ptr|forward[- ]confirmed|no ptr\b|unresolvable ptr|ptr (?:lookup|check)",
        r"(?:reverse|rdns|r-dns)\b[^.]{0,60}(?:fail|required|mismatch|generic|invalid|not match|does not|resolve)",
        r"cannot (?:find|resolve) your (?:reverse )?hostname|client host rejected: cannot find your|all mail servers must have"
        r"|fix reverse dns",
    ),
    rule(
        Reason.BADREPUTATION,
        "lhost-qmail-19.eml (Yahoo TSS04), Gmail, Cisco Talos",
        "421 4.7.0 [TSS04] Messages from 192.0.2.25 temporarily deferred due to unexpected volume or user complaints",
        r"due to unexpected volume or user complaints|(?:low|poor|bad|very low) (?:ip |domain |sender )?reputation"
        r"|reputation (?:is|too|of)[^.]{0,40}(?:low|poor)",
        r"senderbase|talosintelligence|reputation score|domain reputation|temporarily deferred due to user complaints|your reputation",
    ),
    rule(
        Reason.SPEEDING,
        "rhost-godaddy-03.eml, Gmail 4.7.28, Exchange Online 4.7.5",
        "550 5.1.1 <x@example.com>  - 203.0.113.222 has sent to too many recipients this hour. IB607",
        r"too many recipients this hour|unusual rate|rate ?limit|sending (?:rate|limit)|too (?:fast|much mail|quickly)|mail rate"
        r"|throttl|message limit reached",
        r"too many (?:messages|mails|e-?mails|requests)|(?:hourly|daily|sending|relay) (?:sending )?(?:limit|quota) (?:exceeded"
        r"|reached)|exceeded the rate",
        r"receiving mail at a rate|has exceeded (?:the )?(?:limit|maximum) of|please try again (?:slower|at a lower rate)|4\.7\.28",
    ),
    rule(
        Reason.BLOCKED,
        "guards against address harvesting: Exchange, Barracuda, Free: it is the session that they are tired of",
        "550 5.1.1 Too many invalid recipients from your host",
        r"too many (?:unknown|invalid|bad|wrong|non-?existent|rejected) (?:users?|recipients?|addresses)|too many errors",
        r"excessive unknown recipients|directory harvest",
    ),
    rule(
        Reason.TOOMANYCONN,
        "lhost-postfix-48.eml, Orange OFR_104, Facebook CON-T1",
        "552 Too many recipients",
        r"too many (?:concurrent |simultaneous |open |smtp )?(?:connections|sessions|recipients|concurrent)|connection (?:rate"
        r"|limit)|all available ips",
        r"trop de connexions|maximum number of (?:connections|sessions)|number of concurrent connections|\bcon-t\d|(?:ofr"
        r"|lpn)[\w-]*_(?:104|105|109)\b",
    ),
    rule(
        Reason.NOTCOMPLIANTRFC,
        "lhost-postfix-28.eml, Gmail 5.7.1 RfcMessageNonCompliant",
        "550-5.7.1 [192.0.2.222      13] Messages with multiple 550 5.7.1 addresses in From: header are not accepted.",
        r"multiple addresses in from|not (?:rfc|rfc-?\d*|compliant)[^.]{0,30}complian|rfc ?[25]\d22|rfcmessagenoncompliant"
        r"|missing (?:a |the )?(?:valid )?message-id",
        r"(?:duplicate|multiple|missing|invalid|two or more)[^.]{0,20} (?:from|date|subject|to|sender|message-id)[: ]{0,2}header"
        r"|not rfc compliant|bare lf",
        r"not (?:have a )?valid message-id|headers?[^.]{0,40}(?:violat|not complian)",
    ),
    rule(
        Reason.FAILEDSTARTTLS,
        "lhost-gmail-07.eml, RFC 3207",
        "500 Remote server does not support TLS (state 6)",
        r"(?:does not|doesn't|not) support (?:start)?tls|must issue a starttls|tls (?:is )?(?:required|not available|negotiation"
        r"|handshake|session)",
        r"cannot start tls|starttls (?:is )?(?:required|failed|not)|tls required",
    ),
    rule(
        Reason.VIRUSDETECTED,
        "ClamAV's milter, amavis",
        "554 5.7.1 virus Eicar-Test-Signature detected by ClamAV",
        r"\bvirus(?:es)?\b[^.]{0,60}(?:detect|found|infect|reject)|(?:detected|contains?|found)[^.]{0,30}\b(?:virus|malware)"
        r"|infected (?:with|message|file)|^virus:",
    ),
    rule(
        Reason.POLICYVIOLATION,
        "lhost-postfix-67.eml, lhost-postfix-68.eml, lhost-sendmail-31.eml, lhost-exim-03.eml, lhost-sendmail-09.eml",
        "552-5.7.0 This message was blocked because its content presents a potential",
        r"for policy reasons|content presents a potential|header error|(?:local|security|mail|message|our|site|company|admin\w*"
        r"|content) polic(?:y|ies)",
        r"polic(?:y|ies) (?:violation|reasons?|restriction|reject)|(?:attachment|file)s?[^.]{0,40}(?:not allowed|blocked|banned"
        r"|prohibited|denied|rejected)",
        r"banned (?:attachment|file|content|name)|executable (?:attachment|file)|we do not accept[^.]{0,40}attachment"
        r"|violates? (?:our|local|the)",
    ),
    rule(
        Reason.SPAMDETECTED,
        "rfc3464-08.eml, SpamAssassin, Cloudmark",
        "550 5.7.1 Message content rejected, UBE, id=00000-00-000",
        r"\bube\b|(?:as|is|be|like|considered|detected|possible|probable|suspected|identified)[^.]{0,30} (?:spam|junk|unsolicited"
        r"|bulk)\b",
        r"spam[- ]?(?:like|score|content|message|detected|filter|check|mail)|looks like spam|message (?:was |is )?(?:rejected"
        r"|refused|blocked)[^.]{0,30}spam",
        r"unsolicited|high spam|spamassassin|spam (?:is )?(?:not|reject|refus)|blocked by (?:spam|content)"
        r"|content (?:has been )?(?:rejected|blocked|filtered)"
        r"|considered unsolicited|bulk mail|probable junk|appears to be (?:spam|unsolicited)|rejected as spam|\b(?:ofr"
        r"|lpn)[\w-]*_506\b|classified as spam",
    ),
    rule(
        Reason.BLOCKED,
        "lhost-amazonses-14.eml, lhost-sendmail-36.eml, lhost-ezweb-08.eml, lhost-exim-46.eml, rhost-franceptt-06.eml, "
        "lhost-yahoo-14.eml",
        "554 5.7.1 <a8-95.smtp-out.amazonses.com[203.0.113.22]>: Client host rejected: blocked using mail.neko.example.org",
        r"(?:blocked|listed|rejected|refused|denied|blacklisted)[^.]{0,40}(?:using|by|in|at|due to)[^.]{0,20}(?:rbl|dnsbl|bl\b"
        r"|[a-z0-9-]+\.[a-z])",
        r"client host[^.]{0,60}(?:reject|block)|ip (?:address )?[^.]{0,50}(?:black|block|block-?) ?list|(?:your|ip|host|server"
        r"|client|sender)\b[^.]{0,60}blacklist",
        r"spamhaus|spamcop|barracudacentral|dnsbl|\brbl\b|sorbs|senderscore|cloudmark\.com|proofpoint|real-?time black"
        r"|access from ip[^.]{0,20}(?:block|den)",
        r"too many unwanted messages|weren't sent\. (?:we recommend|please contact)|invalid ip for sending|missing reverse dns"
        r"|no reverse dns|open relay",
        r"not accepting connections|connection (?:refused|reset|rejected|dropped|denied) by|banned sending ip|bad sender ip"
        r"|your (?:ip|network|host|server|domain)"
        r"[^.]{0,50}(?:blocked|banned|rejected|refused|denied|not allowed|dynamic)|ip source bloquee|client host blocked"
        r"|service refuse\b|service refused",
        r"invalid domain name|no access from mail server|daily relay quota|dynamic(?:ally)? (?:assigned |allocated )?ip"
        r"|domain name does not resolve"
        r"|hostname is bad|helo (?:command )?(?:rejected|name)|\behlo\b|(?:ofr|lpn)[\w-]*_(?:10[1-36-8]|50[1-5])\b|go away"
        r"|you are not (?:allowed|welcome)"
        r"|blocked (?:for|because|due)|is in (?:a|our|the) black|access denied\. ip|from your (?:ip|host|network)"
        r"|messages from @? ?\[?\d+\.\d+\.\d+\.\d+"
        r"|too many spams? from|connections? (?:will )?not (?:be )?accepted|(?:currently |temporarily )?blocked from sending",
    ),
    rule(
        Reason.REJECTED,
        "lhost-exim-57.eml, lhost-fml-02.eml, lhost-googlegroups-06.eml, lhost-exim-50.eml, lhost-googleworkspace-01.eml",
        "Sorry, you are sending to/from an address that has been blacklisted",
        r"sender (?:e-?mail |address )?(?:address )?(?:is |was |has been |not |@ )?(?:rejected|refused|blocked|denied|blacklisted"
        r"|invalid|unknown|not allowed|not exist)",
        r"an address that has been blacklisted|not (?:a )?members? (?:of|\()|you are not member|only subscribers|non-?members?"
        r"|send mail as|you do not have permission",
        r"(?:sender|from|originating|return|envelope|your) (?:address|domain)\b[^.]{0,60}(?:does not|doesn't|not) (?:exist"
        r"|resolve|valid|accept|allowed|found)",
        r"sender verify failed|sender (?:domain|verification)[^.]{0,40}(?:fail|not|must)|domain of sender|domain must (?:exist|resolve)"
        r"|you may not (?:have permission|send)|group you tried to contact"
        r"|unable to verify (?:sender|address)|recipient[^.]{0,40}(?:only accepts|does not accept mail from)|(?:are"
        r"|is) not (?:permitted|allowed|authori[sz]ed) to send"
        r"|groups\.google\.com/support|support\.google\.com/a/answer/168383|restricted|sender denied|deny (?:sender|mail from)"
        r"|not allowed to post|invalid sender"
        r"|mail from [^ ]* (?:rejected|refused|not allowed)|addresses? rejected: sender",
    ),
)

#: relaying: "550 relay access denied" names the recipient although it is about routes
RELAY: tuple[Rule, ...] = (
    rule(
        Reason.NORELAYING,
        "lhost-amazonses-21.eml, lhost-postfix-44.eml, lhost-postfix-77.eml",
        "554 5.7.1 <kijitora@example.com>: Relay access denied",
        r"relay(?:ing)?\b[^.]{0,50}(?:denied|not (?:permitted|allowed|possible)|prohibited|rejected|disabled|access|forbidden)"
        r"|not configured to relay",
        r"e-?mail address is not verified|(?:unable|not allowed|not permitted|refuse[sd]?|cannot|no|unauthori[sz]ed|don't"
        r"|won't) (?:to )?relay|rcpthosts",
        r"that domain isn't in my list of allowed|not (?:a )?(?:local|gateway) (?:host|domain)|is not hosted here"
        r"|insecure mail relay|mail server requires authentication",
    ),
)
