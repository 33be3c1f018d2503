"""What servers say about the recipient's address, mailbox and domain."""

from postoffice.tracking.mail.rule import Rule, rule
from postoffice.tracking.mail.values import Reason

#: said before anything else: the words are about the box although a code beside them may say otherwise
MAILBOX: tuple[Rule, ...] = (
    rule(
        Reason.MAILBOXFULL,
        "lhost-kddi-01.eml, lhost-biglobe-01.eml, lhost-x3-06.eml, lhost-exchange2007-02.eml",
        "552 5.2.2 Over quota",
        r"(?:mail ?box|inbox|mail ?drop|mailfolder|account|user|recipient|maildir|storage)\b[^.]{0,60}(?:is |too |currently )?\bfull\b",
        r"(?:over|exceed\w*|out of|insufficient|not enough|reached)(?![^.]{0,50}(?:relay|daily|hourly|sending|system))"
        r"[^.]{0,50}(?:quota|storage|disk space|disk limit|mailbox space)",
        r"quota[^.]{0,40}(?:exceed|full|violat|reached|limit)|mailbox[^.]{0,60}exceed\w*[^.]{0,40}(?:limit|allowed size|size)",
        r"quotaexceeded|boite (?:du destinataire|aux lettres)[^.]{0,20} pleine|overquota|mailbox size limit exceeded|full mailbox"
        r"|邮箱已满|收件人.{0,6}已满",
        r"too much mail data|recipient reached disk quota|user has too many messages|not enough storage space|has exceeded (?:his"
        r"|its) disk",
    ),
    rule(
        Reason.SUSPEND,
        "lhost-dragonfly-21.eml, rhost-iua-01.eml, rhost-franceptt-05.eml, lhost-amazonses-20.eml, lhost-powermta-03.eml, lhost-ezweb",
        "550 5.2.1 The email account that you tried to reach is disabled.",
        r"(?:account|mailbox|mail ?drop|user|recipient|adres\w*)\b[^.:]{0,70}\b(?:disabled|suspended|inactive|frozen|deactivated"
        r"|locked|blocked)",
        r"(?:disabled|suspended|inactive|deactivated|locked|frozen) (?:e-?mail |user |recipient )?(?:account|mailbox|user"
        r"|recipient|address)",
        r"le compte du destinataire est bloque|recipient (?:has been )?suspend|recipient is on hold|temporarily inactive"
        r"|not accepting messages",
        r"account (?:is|has been|was) (?:temporarily )?(?:limited|unavailable|expired|terminated|discontinued)"
        r"|mailbox currently suspended",
        r"user account is (?:over|past)|vdelivermail: account is locked|domain (?:is|has been) (?:suspended|inactive)"
        r"|compte[^.]{0,30}(?:desactive|suspendu)",
        r"subscription (?:is )?expired|has been unused for|you were rejected because the user was expired",
    ),
    rule(
        Reason.HASMOVED,
        "lhost-dragonfly-10.eml, lhost-sendmail-17.eml",
        "550 5.1.6 <x@libsisimai.net>: Recipient address rejected: Destination mailbox has moved, No forwarding address.",
        r"(?:mailbox|user|recipient|account|address|he|she|person)\b[^.]{0,40}\b(?:has|have) (?:moved|changed)"
        r"|has been replaced by|\bnot our user\b",
        r"no longer (?:with|at|employed|here|works)|no longer on (?:server|this system)|(?:has )?left the (?:company"
        r"|organi[sz]ation)|n'est plus dans",
    ),
)

#: an address that nobody has; the sure words first
UNKNOWN: tuple[Rule, ...] = (
    rule(
        Reason.SUSPEND,
        "Amazon SES, global suppression list: it bounced for somebody, some day",
        "550 5.1.1 Amazon SES has suppressed sending to this address because it has a recent history of bouncing",
        r"suppressed sending to this address|(?:address|recipient)\b[^.]{0,40} on (?:the|our|a) suppression list",
    ),
    rule(
        Reason.USERUNKNOWN,
        "Mail.ru",
        "550 Message was not accepted -- invalid mailbox. Local mailbox <x@mail.ru> is unavailable: user not found",
        r"local mailbox @ is unavailable: user (?:is )?not found",
    ),
    rule(
        Reason.USERUNKNOWN,
        "Cisco's mail gateway, answer to RCPT",
        "550 #5.1.0 Address rejected.",
        r"^address rejected\.(?: |$)",
    ),
    rule(
        Reason.USERUNKNOWN,
        "lhost-exim-30.eml, lhost-postfix-30.eml (Exchange Online)",
        "550 5.4.1 <x@example.br>: Recipient address rejected: Access denied",
        r"recipient address rejected: access denied",
    ),
    rule(
        Reason.USERUNKNOWN,
        "rhost-franceptt-01.eml, rhost-franceptt-02.eml",
        "550 5.5.0 Adresse destinataire invalide. Invalid recipient. LPN007_416",
        r"adresse d au moins un destinataire invalide|adresse[^.]{0,30}destinataire[^.]{0,20}(?:inconnue?|invalide|n'existe pas)",
        r"\b(?:ofr|lpn)[\w-]*_416\b",
    ),
    rule(
        Reason.USERUNKNOWN,
        "lhost-powermta-02.eml (Yahoo), rhost-outlook-08.eml, rfc3464-51.eml, lhost-outlook",
        "554 delivery error: dd This user doesn't have a example.com account (x@example.com) [0]",
        r"this user doesn't have an? [\w.]+ account|requested action not taken: mailbox unavailable|^smtp; address rejected",
        r"550 #? ?address rejected\.|mailbox unavailable or access denied|resolver\.adr\.(?:recipnotfound|exrecipnotfound"
        r"|badprimary|invalid)",
        r"user email address is marked as invalid",
    ),
    rule(
        Reason.USERUNKNOWN,
        "lhost-exchange2003-01.eml, lhost-imailserver-03.eml, lhost-interscanmss-02.eml, rfc3464-06.eml, IMail, Verizon, Domino, Notes",
        "The recipient name is not recognized",
        r"recipient name is not recogni[sz]ed|the e-?mail (?:account|address) does not exist at the organi[sz]ation",
        r"^unknown user: @|no valid recipients for this mm|invalid final delivery user|mail\.local: unknown user"
        r"|please check if address is correct|not listed in (?:public|domino)",
        r"no such (?:user|account|person) at this address|not found in (?:the )?(?:directory|recipient table)",
    ),
    rule(
        Reason.USERUNKNOWN,
        "Mimecast, QQ Mail, Exchange Online 5.1.351",
        "550 Recipient email address is possibly incorrect",
        r"recipient e-?mail address is possibly incorrect|(?:邮箱|用户|帐户|账号)(?:地址)?不存在"
        r"|returned unknown recipient or mailbox unavailable",
    ),
    rule(
        Reason.USERUNKNOWN,
        "lhost-qmail-21.eml, lhost-activehunter-01.eml (qmail)",
        "Sorry, no mailbox here by that name. (#5.1.1)",
        r"no mailbox (?:here )?by that name|this address no longer accepts mail|this address does not receive mail",
    ),
    rule(
        Reason.USERUNKNOWN,
        "lhost-yahoo-07.eml, lhost-sendmail-52.eml (KDDI: a filter's pretence bears no address, see lhost-yahoo-06.eml)",
        "550: <neko@ezweb.ne.jp>: User unknown",
        r"\b55\d[: -]+@: user unknown$|^@: user unknown$",
    ),
    rule(
        Reason.USERUNKNOWN,
        "lhost-postfix-13.eml, lhost-activehunter-02.eml, lhost-mfilter-01.eml, lhost-mcafee-04.eml, rfc3464-42.eml and most others",
        "550 5.1.1 <userunknown@libsisimai.net>: Recipient address rejected: User unknown",
        r"(?:user|recipient|account|address|mailbox|utente|destinatario|usuario|benutzer|empf.nger)\b[^.]{0,60}\b(?:unknown"
        r"|inconnue?|unbekannt)",
        r"\bunknown (?:user|local|address|account|recipient|mailbox|e-?mail|or illegal alias|to this system)|user @ does not exist",
        r"(?:user|recipient|account|address|mailbox|alias|username|person|customer|subscriber|inbox|reach)\b[^.]{0,80}"
        r"(?:does not|doesn't|did not|do not|don't|not) exist",
        r"\bno such (?:user|address|recipient|mailbox|account|person|customer|local|e-?mail|sender|name|user here)|no (?:mailbox"
        r"|account) (?:found|here)",
        r"(?:invalid|illegal|bad|nonexistent|non-existent|undeliverable|unroutable) (?:recipient|user|mailbox|address|account"
        r"|e-?mail|user address)",
        r"(?:user|recipient|mailbox|account|address)\b[^.]{0,50}(?:not found|could not be found|not known|not recogni[sz]ed"
        r"|not listed|is invalid|invalid\b)",
        r"is not (?:a|an) (?:valid|active|known) (?:user|mailbox|recipient|address|e-?mail)|not a known user|is not known (?:at"
        r"|here|to)|not known here",
        r"(?:there is no|we do not have|we have no|no) (?:such )?(?:mailbox|user|account)\b|recipient no longer"
        r"|user (?:is )?no longer|no valid recipients?",
        r"unrouteable address|unknown or invalid|user undefined|undeliverable address|does not have an account|no local mailbox"
        r"|not on (?:our )?local (?:recipient )?list|user does not|unknown rcpt|no users? here|nobody here|does not exist here"
        r"|not a valid mailbox"
        r"|mailbox not (?:found|exist)|address not found|because the (?:address|group) couldn't be found|adresse introuvable"
        r"|adresse nicht gefunden|no se ha encontrado la direcci|indirizzo non trovato|couldn't be found or is unable to receive",
        r"(?:compte|utilisateur|abonne|adresse|boite)\b[^.]{0,30}\b(?:inconnue?|inexistante?)\b",
        r"nie ma takiego|no existe|non esiste|nao existe|bestaat niet|existiert nicht|n'existe pas|okand mottagare|nepostoji"
        r"|neexistuje",
        vague=True,
    ),
)

#: the domain
DOMAIN: tuple[Rule, ...] = (
    rule(
        Reason.NOTACCEPT,
        "lhost-dragonfly-16.eml, lhost-qmail-12.eml, lhost-opensmtpd-12.eml, lhost-sendmail-57.eml, RFC 7505, RFC 7504",
        "550 Host does not accept mail",
        r"(?:host|domain|server|system|address)\b[^.]{0,60}(?:does not|doesn't|never|not) accept(?:ing)? (?:any )?(?:mail|e-?mail"
        r"|smtp|network messages)(?!s? (?:from|at|for|over|with|without|because|until|unless|sent)\b| this| now| right)",
        r"couldn't find a mail exchanger|no mx found for|null ?mx|mail server for[^.]{0,60}does not accept"
        r"|does not accept mail \(nullmx\)",
        r"an mx or srv record indicated no smtp service|host/domain does not accept mail"
        r"|smtp protocol diagnostic: no smtp service here",
        r"domain of recipient does not accept|no smtp service here|there is no smtp service|invalid mx record"
        r"|name server: \.: host not found",
    ),
    rule(
        Reason.NETWORKERROR,
        "rfc3464-62.eml (Google: a name without mail servers), lhost-domino-03.eml, exim",
        "DNS Error: 16578478 DNS type 'mx' lookup of gmal.com had no relevant answers.",
        r"had no relevant answers|(?:host|name|domain|dns)\b[^.]{0,60}(?:lookup|service)[^.]{0,60}(?:try again|temporar"
        r"|did not complete|timed? ?out)",
        r"host not found, try again|lookup (?:failure|failed)[^.]{0,30}temporar|temporary (?:name resolution|dns)|servfail",
        r"maximum hop count|too many hops|hop count exceeded|routing loop|mail (?:loop|forwarding loop)|loops? back to (?:me"
        r"|myself)|mail for [^ ]* loops",
        r"too many (?:\"received\"|received) headers|config error: mail loops|no route to host|network is unreachable"
        r"|message looping|loop detected",
    ),
    rule(
        Reason.HOSTUNKNOWN,
        "lhost-sendmail-24.eml, lhost-v5sendmail-02.eml, lhost-qmail-13.eml, lhost-courier-04.eml, rhost-outlook-03.eml, "
        "lhost-dragonfly-11.eml",
        "554 The mail could not be delivered to the recipient because the domain is not reachable.",
        r"host unknown|unknown (?:host|domain|hostname)|no such (?:domain|host|hostname)|host (?:name )?not found"
        r"|domain (?:name )?not found",
        r"couldn't find any host named|(?:host|domain)(?: or domain)? name not found|because the domain is not reachable"
        r"|couldn't find any host by that name",
        r"bad destination (?:system|host|mailbox system)|(?:domain|host|hostname|host name)\b[^.]{0,50}(?:does not|doesn't"
        r"|not) exist|nxdomain",
        r"name or service not known|unrouteable mail domain|unroutable domain|non-?existent (?:domain|host)"
        r"|domain couldn't be found|domain isn't found",
        r"no address associated with|all relevant mx records point to non-?existent|all host address lookups failed permanently"
        r""
        r"|host found but no data record|name server (?:for )?[^ ]* ?(?:host not found|has no)|cannot (?:find"
        r"|resolve) (?:the )?(?:domain|host)|illegal host"
        r"|host is unknown",
        r"(?:^|\) )@:? unrouteable address|unknown mail domain|recipient domain (?:was )?not found"
        r"|because the domain [^ ]+ (?:couldn't|could not) be found"
        r"|can't find mail ?server",
    ),
)
