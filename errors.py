"""The tree of errors that cross module borders, and the catalogue of codes that partners see."""

from __future__ import annotations


class FtpdockError(Exception):
    """Something that a person has to be told; the message is written for that person."""


class SettingsError(FtpdockError):
    """ftpdock.toml or an environment variable holds something that can't be used."""


class VersionError(FtpdockError):
    """The database has the shape of another version, and must not get that of this one now."""


class NotFoundError(FtpdockError):
    """An account, login, import or file of that name does not exist."""


class ConflictError(FtpdockError):
    """What is asked for stands against what is stored (a taken name, a running import)."""


class HookError(FtpdockError):
    """A plugin can't be loaded."""


class FileRefused(FtpdockError):
    """Raised by a hook to refuse a file that arrived: the client sees 553 with this message, and nothing is kept."""


class FileProblem(FtpdockError):
    """A file that can't be imported, or no further. `code` is one of FILE_CODES."""

    def __init__(self, code: str, message: str, *, line: int = 1, column: str = "", value: str = "") -> None:
        super().__init__(message)
        self.code, self.message, self.line, self.column, self.value = code, message, line, column, value


class LeaseLost(FtpdockError):
    """Another worker took this import over; what this one had not committed is void."""


ROW_CODES = {
    "REQUIRED": "A value that is needed is missing.",
    "INVALID_VALUE": "A value is not of the kind that the column takes, or a stray quote hides where it ends.",
    "TOO_LONG": "A text has more characters than the column takes.",
    "OUT_OF_RANGE": "A number is smaller or larger than the column takes.",
    "COLUMN_COUNT": "The row has more or fewer cells than the header.",
    "DUPLICATE_IN_FILE": "A key stands on more than one row of the file; all of them are rejected.",
    "KEY_CONFLICT": "The keys of the row point at two records, or disagree with what is stored.",
    "UNKNOWN_SYSTEM_ID": "No record has this System ID.",
    "UNKNOWN_REFERENCE": "The row refers to a record that does not exist.",
    "AMBIGUOUS_MATCH": "Several records match the row and nothing tells which is meant.",
    "MISSING_PARENT": "The parent of a category neither exists nor is in the file.",
    "HEADER_CONFLICT": "Two rows of one order disagree about a cell that belongs to the whole order.",
    "ORDER_REJECTED": "Another row of the same order, or one that may be, was rejected: send all of its rows again. "
    "Or the order has too many rows.",
}
"""A row with one of these is rejected; the other rows go on."""

FILE_CODES = {
    "EMPTY_FILE": "The file has no rows.",
    "NOT_TEXT": "The file is not text in an encoding that ftpdock reads.",
    "UNKNOWN_COLUMN": "The header has a column that the template does not know.",
    "MISSING_COLUMN": "The header lacks a column that is needed.",
    "DUPLICATE_COLUMN": "The header names a column twice.",
    "COLUMN_ORDER": "The columns do not stand in the template's order.",
    "UNCLOSED_QUOTE": "A quoted cell is never closed, or text stands behind the closing quote of one in the header.",
    "TOO_LARGE": "The file, a line or a cell is larger than ftpdock takes.",
    "ROWS_REJECTED": "Rows were rejected and the account takes this file whole or not at all (on_error = abort).",
    "REFUSED": "A hook refused the file.",
    "INTERNAL": "ftpdock failed to import the file; its log says why. The report says what is in and if it is kept.",
    "KILLED_WORKER": "Worker processes died of the file again and again. The report says what is in.",
}
"""A file with one of these has failed: nothing more of it is imported, and mostly nothing is in."""

WARNING_CODES = {
    "POSSIBLE_DUPLICATE": "A new customer was made although one of that name exists, or stock in 'Main' beside 'MAIN'.",
    "ENCODING_GUESSED": "The file is not UTF-8 and was read as Windows-1252.",
    "SCIENTIFIC_NOTATION": "A code or telephone number looks like one that a spreadsheet has rewritten.",
    "LEADING_ZEROS_LOST": "A new SKU, or a new customer's Reference_ID, equals a stored one but for its leading zeros.",
}
"""The row goes on; the report mentions it."""
