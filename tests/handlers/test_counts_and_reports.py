"""What an import leaves behind: counts that add up, and files where design section 3 says."""

from __future__ import annotations

import pytest

import layout
from models import ImportRun
from tests.partner import Partner, counts

MIXED = "SKU_ID,Name,MOQ\n1,a,1\n2,b2,\n3,c,x\n4,d,\n5,,\n"


def test_counts_add_up(partner: Partner) -> None:
    """Each row is created, updated, unchanged or rejected; the event and the run say the same."""
    partner.send("product", "SKU_ID,Name\n1,a\n2,b\n")
    partner.send("product", "SKU_ID,MOQ\n1,1\n")

    event = partner.send("product", MIXED)

    assert (event.status, event.rows, counts(event)) == ("completed_with_errors", 5, (1, 1, 1, 2))
    run = ImportRun.get_by_id(event.number)
    assert (run.status, run.rows, run.created, run.updated, run.unchanged, run.rejected, run.warnings) == (
        "completed_with_errors", 5, 1, 1, 1, 2, 0)  # fmt: skip
    assert run.started_at <= run.finished_at == event.finished_at
    assert (run.lease_owner, run.code) == (None, None)


def test_files_have_the_number_of_the_import(partner: Partner) -> None:
    """The source in processed/ as it came, three reports in reports/, nothing in the spool."""
    event = partner.send("product", MIXED, name="products_18_09_2024_b.csv")

    folder = layout.account_root(partner.settings, "acme") / "Products"
    stem = f"products_18_09_2024_b.{event.number:06}"
    assert sorted(str(each.relative_to(folder)) for each in folder.rglob("*.csv")) == [
        f"processed/{stem}.csv", f"reports/{stem}.ids.csv", f"reports/{stem}.rejected.csv",
        f"reports/{stem}.report.csv"]  # fmt: skip
    assert (folder / "processed" / f"{stem}.csv").read_text() == MIXED
    assert not layout.spool_folder(partner.settings, event.number).exists()


def test_a_file_without_fault_has_no_rejected_csv(partner: Partner) -> None:
    """An empty report says that all went well."""
    event = partner.send("product", "SKU_ID,Name\n1,a\n")

    assert partner.read(event, ".report.csv") == []
    assert partner.file(event, ".report.csv").read_text() == "Line,Column,Value,Code,Message\n"
    assert not partner.file(event, ".rejected.csv").exists()


def test_what_is_rejected_of_a_file_with_an_odd_delimiter_comes_back(partner: Partner) -> None:
    """The corrected file is taken as it is, though nobody has written `sep=^` above it again."""
    event = partner.send("product", "sep=^\nSKU_ID^Name^MOQ\n1^a, b^1\n2^c, d^x\n")
    assert counts(event) == (1, 0, 0, 1)
    assert [each["Code"] for each in partner.read(event, ".report.csv")] == ["INVALID_VALUE"]

    corrected = partner.file(event, ".rejected.csv").read_text().replace(",x,", ",2,")

    assert counts(partner.send("product", corrected)) == (1, 0, 0, 0)
    assert partner.column("product", "Name") == ["a, b", "c, d"]


def test_a_column_that_is_missing_is_found_behind_an_odd_delimiter(partner: Partner) -> None:
    """What was rejected for want of it is read in the report."""
    assert partner.send("product", "sep=^\nSKU_ID^MOQ\n1^1\n").code == "MISSING_COLUMN"


def test_rows_that_all_end_with_a_delimiter(partner: Partner) -> None:
    """Nothing is missed in the header, and what is rejected comes back without it."""
    event = partner.send("product", "SKU_ID;Name;MOQ\nA;Cup;1;\nB;Pot;x;\nC;Mug;1;\n")

    assert (counts(event), [each["code"] for each in partner.messages(event)]) == ((2, 0, 0, 1), ["INVALID_VALUE"])
    assert partner.column("product", "SKU_ID") == ["A", "C"]
    (row,) = partner.file(event, ".rejected.csv").read_text().splitlines()[1:]
    assert row.startswith("B;Pot;x;3;INVALID_VALUE;")


def test_a_file_of_rejected_rows_has_no_ids(partner: Partner) -> None:
    """There is no record to name."""
    event = partner.send("product", "SKU_ID,Name\n1,\n")

    assert event.status == "completed_with_errors"
    assert not partner.file(event, ".ids.csv").exists()


@pytest.mark.parametrize(
    ("entity", "content", "expected"),
    [
        ("contact", "Customer_System_ID,Customer_Reference_ID,First_Name,Last_Name,Email,Phone\n"
         ",K1,Ada,Byron,,1\n,K1,Ada,,,2\n{K1},,Eve,,eve@d.example,\n",
         [",,K1,Ada,Byron,,1", ",,K1,Ada,,,2", ",{K1},,Eve,,eve@d.example,"]),
        ("address", "Customer_System_ID,Customer_Reference_ID,Type,Attention,Line_1,Line_2,City,Postal_Code,Country\n"
         ",K1,both,,Weg 1,,Ulm,1,DE\n,K1,both,Ada,Weg 1,,Ulm,1,DE\n{K1},,both,,Weg 1,2,Ulm,1,DE\n",
         [",,K1,both,,Weg 1,,Ulm,,1,DE", ",,K1,both,Ada,Weg 1,,Ulm,,1,DE", ",{K1},,both,,Weg 1,2,Ulm,,1,DE"]),
    ],
)  # fmt: skip
def test_ids_tell_rows_apart_that_have_no_id(partner: Partner, entity: str, content: str, expected: list[str]) -> None:
    """All that a contact or address is found by stands beside its new System ID."""
    partner.send("customer", "Reference_ID,Company_Name\nK1,Delta\n")
    ids = partner.ids("customer", "Reference_ID")

    event = partner.send(entity, content.format(**ids))

    lines = [list(row.values()) for row in partner.read(event, ".ids.csv")]
    assert [",".join(line[:-2]) for line in lines] == [each.format(**ids) for each in expected]
    assert [line[-2:] for line in lines] == [[each, "created"] for each in
                                             partner.column(entity, f"{entity.capitalize()}_System_ID")]  # fmt: skip


def test_ids_name_each_record(partner: Partner) -> None:
    """The keys as they were sent, the System ID, what became of the row; in the order of the file."""
    partner.send("product", "SKU_ID,Reference_ID,Name\n2,R2,b\n3,R3,c\n")

    event = partner.send("product", "SKU_ID,Reference_ID,Name\n3,R3,c\n2,,B\n1,,a\n9,,\n")

    ids = partner.ids("product", "SKU_ID")
    assert partner.read(event, ".ids.csv") == [
        {"SKU_ID": "3", "Reference_ID": "R3", "System_ID": ids["3"], "Outcome": "unchanged"},
        {"SKU_ID": "2", "Reference_ID": "", "System_ID": ids["2"], "Outcome": "updated"},
        {"SKU_ID": "1", "Reference_ID": "", "System_ID": ids["1"], "Outcome": "created"},
    ]


@pytest.mark.parametrize(
    ("entity", "header", "rows", "expected"),
    [
        ("product", "SKU_ID,Reference_ID,Name", ["1,\\N,a", "2,R2,b", "3,,c"], ["1,", "2,R2", "3,"]),
        ("inventory", "SKU_ID,Warehouse,Available_Quantity", ["S,\\N,1", "S,W,2", "T,,3"], ["S,MAIN", "S,W", "T,"]),
        ("category", "Reference_ID,Category", ["\\N,x", "K1,y"], [",x", "K1,y"]),
    ],
)
@pytest.mark.parametrize("chunk_rows", [5_000, 1])
def test_ids_of_keys_that_were_cleared(
    partner: Partner, entity: str, header: str, rows: list[str], expected: list[str], chunk_rows: int
) -> None:
    """What the record has stands in their place: when it is made, and when it is left as it is."""
    partner.send("product", "SKU_ID,Name\nS,s\nT,t\n")
    for _ in range(3):
        event = partner.in_chunks(chunk_rows).send(entity, "\n".join([header, *rows]))
        ids = partner.file(event, ".ids.csv").read_text().splitlines()[1:]
        assert [",".join(line.split(",")[:-2]) for line in ids] == expected


def test_ids_of_categories_are_in_the_order_of_the_file(partner: Partner) -> None:
    """They are worked on by depth."""
    event = partner.in_chunks(1).send("category", "Category\nA > B\nC\nA\n")

    assert [row["Category"] for row in partner.read(event, ".ids.csv")] == ["A > B", "C", "A"]


def test_rejected_rows_come_back_as_they_were(partner: Partner) -> None:
    """The file's own columns and cells, then line, code and message."""
    event = partner.send("product", 'sku id;NAME;Price: A\n1;" a ";x\n2;b;3\n3;"c;d";"y\nz"\n')

    text = partner.file(event, ".rejected.csv").read_text(encoding="utf-8")
    assert text.splitlines()[0] == "sku id;NAME;Price: A;_line;_code;_message"
    assert text.splitlines()[1].startswith("1; a ;x;2;INVALID_VALUE;")
    assert '3;"c;d";"y\nz";4;INVALID_VALUE;' in text


def test_corrected_rejected_rows_are_imported(partner: Partner) -> None:
    """rejected.csv with its faults mended, sent as it is, leaves nothing rejected."""
    event = partner.send("product", MIXED)
    text = partner.file(event, ".rejected.csv").read_text(encoding="utf-8")

    again = partner.send("product", text.replace("3,c,x,", "3,c,7,").replace("5,,,", "5,e,,"))

    assert (again.status, counts(again)) == ("completed", (2, 0, 0, 0))
    assert partner.column("product", "MOQ") == ["1", "", "", "7", ""]


def test_rejected_orders_come_back_whole(partner: Partner) -> None:
    """All rows of the order, in the order of the file: mended and sent again, it goes through."""
    partner.send("customer", "Reference_ID,Company_Name\nK1,Delta\n")
    partner.send("product", "SKU_ID,Name\nA,a\n")
    header = "Reference_ID,Customer_Reference_ID,Order_Date,SKU_ID,Quantity\n"
    event = partner.send("order", header + "P1,K1,2024-09-18,A,1\nP2,K1,2024-09-18,A,1\nP1,K1,2024-09-18,A,x\n")
    text = partner.file(event, ".rejected.csv").read_text(encoding="utf-8")

    again = partner.send("order", text.replace(",x,", ",2,"))

    assert counts(event) == (1, 0, 0, 2)
    assert (again.status, counts(again)) == ("completed", (2, 0, 0, 0))
    assert partner.column("order", "Quantity") == ["1", "1", "2"]


def test_formulas_are_harmless_in_the_report_only(partner: Partner) -> None:
    """rejected.csv has what was sent, because it comes back."""
    event = partner.send("product", "SKU_ID,Name,MOQ\n1,=a,=1+1\n")

    assert partner.read(event, ".report.csv")[0]["Value"] == "'=1+1"
    assert partner.read(event, ".rejected.csv")[0]["MOQ"] == "=1+1"
    assert partner.messages(event)[0]["value"] == "=1+1"
