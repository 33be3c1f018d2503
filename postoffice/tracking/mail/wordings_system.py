"""What servers say about sizes, time, networks and themselves."""

from postoffice.tracking.mail.rule import Rule, rule
from postoffice.tracking.mail.values import Reason

SIZE: tuple[Rule, ...] = (
    rule(
        Reason.EXCEEDLIMIT,
        "lhost-exchange2007-03.eml, lhost-receivingses-08.eml, RFC 3463 X.2.3",
        "552 5.2.3 Message length exceeds limit set by recipient",
        r"recipsizelimit|too (?:large|big) for (?:this|the) (?:recipient|mailbox)"
        r"|exceeds? (?:the )?(?:size )?limit (?:set )?(?:by|for) (?:this |the )?recipient",
        r"message (?:length|size) exceeds (?:the )?(?:limit|maximum) (?:set|for)|exceeds recipient'?s",
    ),
    rule(
        Reason.MESGTOOBIG,
        "lhost-exim-58.eml, RFC 3463 X.3.4, 1&1",
        "552 5.3.4 Message size exceeds fixed limit",
        r"(?:message|mail|e-?mail|content|data)\b[^.]{0,40}(?:too (?:large|big)|exceed\w*[^.]{0,40}(?:size|limit|maximum))"
        r"|line limit exceeded|message (?:is |was )?too long",
        r"(?:size|maximum message|max message) [^.]{0,40}(?:exceed|limit|too large)|exceed\w*[^.]{0,30}(?:message size"
        r"|maximum size|size limit|fixed limit)",
        r"nachricht (?:ist )?zu gro|message trop (?:gros|volumineux)",
    ),
)

TIME: tuple[Rule, ...] = (
    rule(
        Reason.EXPIRED,
        "lhost-dragonfly-30.eml, lhost-x2-03.eml, lhost-zoho-05.eml, lhost-gmail-09.eml, lhost-ezweb-05.eml, lhost-exim-08.eml",
        "Could not deliver for the last 432000 seconds. Giving up.",
        r"(?:connection|operation|conversation|session|connect)\b[^.]{0,60}timed? ?-?out|could not deliver for the last"
        r"|message (?:has )?expired|queue\.expired",
        r"not delivered within|have been failing (?:for a long time|since)|has been in the queue too long"
        r"|retry time(?:out)? (?:exceeded|not reached)|delivery time expired",
        r"unable to deliver in \d+|(?:did not|does not|not) accept our requests? to connect|host (?:is )?not (?:reachable"
        r"|responding)|undelivered for|giving up on"
        r"|(?:unable|not able|couldn't|could not|cannot|failed) to (?:connect|establish|contact|reach)|socket error"
        r"|has been delayed|could not be delivered for"
        r"|delivery (?:has been |is )?(?:delayed|attempts)|cannot be delivered within|warning message|message will be retried"
        r"|still being retried|time limit"
        r"|not (?:yet )?been delivered|too old|delayed for more|network unreachable|lost connection|remote (?:host"
        r"|server)[^.]{0,40}(?:not|timed|no answer|down)"
        r"|name server timeout|unable to deliver[^.]{0,40}(?:days|hours|minutes)|will (?:keep|continue) (?:re)?trying|timeout"
        r"|no response from|no servers? (?:could|were)",
    ),
)

SYSTEM: tuple[Rule, ...] = (
    rule(
        Reason.SYSTEMFULL,
        "RFC 3463 X.3.1, sendmail, postfix",
        "452 4.3.1 Insufficient system storage",
        r"insufficient (?:system )?(?:storage|resources|disk)|no space left|disk (?:is )?full|mail system full"
        r"|requested mail action aborted: exceeded storage",
    ),
    rule(
        Reason.SYSTEMERROR,
        "lhost-postfix-75.eml, lhost-surfcontrol-03.eml, lhost-yahoo-13.eml, lhost-amazonworkmail-03.eml",
        "554 Service currently unavailable",
        r"service (?:is )?(?:currently |temporarily )?(?:unavailable|not available)|(?:queue|system) file write error"
        r"|internal (?:system |server )?error",
        r"(?:system|local|server|mail system|software|database|configuration|remote protocol|backend|lookup) (?:error|problem"
        r"|failure)|giving up\.?$",
        r"after multiple retries, giving up|aliasing/forwarding loop|out of memory|unable to (?:chdir|open|create|write|lock"
        r"|rename)|can't (?:create|open)|i/o error"
        r"|resources? temporarily unavailable|loopback|cannot append|interrupted system call"
        r"|requested action aborted: (?:local )?error|temporary failure"
        r"|server (?:is )?(?:busy|not available|down|temporarily)|problem[^.]{0,40}(?:server|mail system)|lmtp error"
        r"|mapiexception|storedrv",
    ),
    rule(
        Reason.MAILERERROR,
        "sendmail's and exim's pipes, procmail",
        "550 5.3.0 unknown mailer error 255",
        r"mailer error|command (?:failed|died|time limit)|child process (?:of|timeout)|exit(?:ed with)? (?:status|value|code)"
        r"|procmail:|local delivery failed|pipe to \|",
        r"died with status|x-unix; ?\d+|non-zero exit|delivery agent|local mailer",
    ),
)

OTHER: tuple[Rule, ...] = (
    rule(
        Reason.SECURITYERROR,
        "lhost-amazonses-07.eml, lhost-amazonses-08.eml, RFC 4954",
        "535 5.7.8 Authentication credentials invalid",
        r"authentication (?:failed|failure|required|turned on|credentials)|authorization failed|not authori[sz]ed"
        r"|you must authenticate|auth(?:entication)? (?:is )?required"
        r"|encryption (?:required|needed)|user not authori[sz]ed|insufficient privileges|not authenticated",
    ),
    rule(
        Reason.ONHOLD,
        "lhost-dragonfly-17.eml",
        "550 5.0.0 <x@libsisimai.net>: Recipient address rejected: On hold.",
        r"address rejected: on hold\b|message (?:is |has been )?(?:held|on hold|quarantined)",
    ),
    rule(
        Reason.CONTENTERROR,
        "lhost-dragonfly-07.eml, RFC 3463 X.6.x",
        "550 5.6.0 <x@libsisimai.net>: Recipient address rejected: Media error.",
        r"media error|8.?bit(?:mime)?[^.]{0,40}(?:not|required|support)|mime[^.]{0,40}(?:error|invalid|malformed|not)"
        r"|malformed (?:message|mime|header)|improper use of 8-bit"
        r"|unrecognized (?:charset|mime)|conversion (?:failed|required|not)|message (?:header|body) (?:size )?(?:is |was )?(?:too"
        r"|rejected|malformed)|charset not|smtputf8",
    ),
    rule(
        Reason.SYNTAXERROR,
        "lhost-postfix-53.eml, lhost-exim-52.eml, RFC 5321 4.2",
        "504 Command parameter not implemented",
        r"(?:command|parameter)s? (?:parameter )?(?:not (?:implemented|recogni[sz]ed|supported)|unrecogni[sz]ed|unknown)"
        r"|syntax error|bad sequence|malformed address"
        r"|unrecogni[sz]ed command|improper command|command rejected|requires? (?:helo|mail|rcpt)|nested mail command",
    ),
    rule(
        Reason.FILTERED,
        "Facebook RCP-P2, Yahoo, au.com",
        "550 5.1.1 RCP-P2 Refused due to recipient preferences",
        r"due to (?:extended inactivity|recipient preferences|recipient's)|recipient(?:'s)? (?:preferences|mailbox"
        r"|filter)[^.]{0,40}(?:refus|reject|block|not accept|filter)",
        r"rejected (?:due to|by) (?:recipient|user|customer)|because the recipient is (?:not )?accepting"
        r"|recipient (?:has )?(?:rejected|refused|blocked|declined)"
        r"|refused due to recipient|user (?:has )?reject|this account is protected by|has protected|please prove"
        r"|mail (?:is )?filtered|rule imposed",
    ),
    rule(
        Reason.NETWORKERROR,
        "dns failures of many programs",
        "451 4.4.3 DNS error: could not resolve",
        r"\bdns (?:error|failure|lookup|server)|name server|lookup failure|routing (?:error|failure)|could not resolve"
        r"|unable to route|bad gateway|no mx records?",
    ),
)

#: asked only when neither better words nor a status code said anything
LAST: tuple[Rule, ...] = (
    rule(
        Reason.BLOCKED,
        "replies that only say no to our server",
        "554 Transaction failed, access denied",
        r"access denied|connection refused|permission denied|banned|blacklist|rejected (?:for|by) (?:security|administrat)"
        r"|blocked|denied by",
    ),
    rule(
        Reason.REJECTED,
        "replies that only say no to our mail",
        "550 Message was not accepted",
        r"administrative prohibition|message (?:was )?(?:not accepted|refused|rejected)|rejected by (?:the )?(?:server|recipient)"
        r"|transaction (?:failed|rejected)",
    ),
)
