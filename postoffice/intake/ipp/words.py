"""IPP's numbers by name: tags, operations, status codes, job states (the IANA registry of IPP)."""

from enum import IntEnum


class Tag:
    """Delimiters and value tags of RFC 8010 section 3.5; plain integers because the codec compares them in its innermost loop."""

    OPERATION = 0x01
    JOB = 0x02
    END = 0x03
    PRINTER = 0x04
    UNSUPPORTED_GROUP = 0x05

    UNSUPPORTED = 0x10
    UNKNOWN = 0x12
    NO_VALUE = 0x13
    INTEGER = 0x21
    BOOLEAN = 0x22
    ENUM = 0x23
    OCTETS = 0x30
    DATE_TIME = 0x31
    RESOLUTION = 0x32
    RANGE = 0x33
    COLLECTION = 0x34  #: begCollection
    TEXT_WITH_LANGUAGE = 0x35
    NAME_WITH_LANGUAGE = 0x36
    END_COLLECTION = 0x37
    TEXT = 0x41
    NAME = 0x42
    KEYWORD = 0x44
    URI = 0x45
    URI_SCHEME = 0x46
    CHARSET = 0x47
    LANGUAGE = 0x48
    MIME = 0x49
    MEMBER_NAME = 0x4A
    EXTENSION = 0x7F


class Operation(IntEnum):
    """What a client may ask (RFC 8011 section 5.4.15, PWG 5100.5, 5100.11, 5100.13)."""

    PRINT_JOB = 0x0002
    PRINT_URI = 0x0003
    VALIDATE_JOB = 0x0004
    CREATE_JOB = 0x0005
    SEND_DOCUMENT = 0x0006
    SEND_URI = 0x0007
    CANCEL_JOB = 0x0008
    GET_JOB_ATTRIBUTES = 0x0009
    GET_JOBS = 0x000A
    GET_PRINTER_ATTRIBUTES = 0x000B
    CANCEL_MY_JOBS = 0x0039
    CLOSE_JOB = 0x003B
    IDENTIFY_PRINTER = 0x003C


class Status(IntEnum):
    """What the printer answers (RFC 8011 section B.1, PWG 5100.13 and 5100.16)."""

    OK = 0x0000
    OK_IGNORED = 0x0001  #: some attributes were ignored or substituted
    BAD_REQUEST = 0x0400
    FORBIDDEN = 0x0401
    NOT_POSSIBLE = 0x0404
    TIMEOUT = 0x0405
    NOT_FOUND = 0x0406
    ENTITY_TOO_LARGE = 0x0408
    VALUE_TOO_LONG = 0x0409
    FORMAT_NOT_SUPPORTED = 0x040A
    ATTRIBUTES_NOT_SUPPORTED = 0x040B
    URI_SCHEME_NOT_SUPPORTED = 0x040C
    CHARSET_NOT_SUPPORTED = 0x040D
    COMPRESSION_NOT_SUPPORTED = 0x040F
    COMPRESSION_ERROR = 0x0410
    FORMAT_ERROR = 0x0411
    INTERNAL_ERROR = 0x0500
    OPERATION_NOT_SUPPORTED = 0x0501
    SERVICE_UNAVAILABLE = 0x0502
    VERSION_NOT_SUPPORTED = 0x0503
    TEMPORARY_ERROR = 0x0505
    NOT_ACCEPTING_JOBS = 0x0506
    MULTIPLE_DOCUMENTS_NOT_SUPPORTED = 0x0509
    TOO_MANY_JOBS = 0x050B

    @property
    def is_error(self) -> bool:
        """Whether nothing was done."""
        return self >= 0x0400


class JobState(IntEnum):
    """RFC 8011 section 5.3.7."""

    PENDING = 3
    HELD = 4  #: pending-held
    PROCESSING = 5
    STOPPED = 6  #: processing-stopped
    CANCELED = 7
    ABORTED = 8
    COMPLETED = 9
