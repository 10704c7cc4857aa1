"""Fill DuckDB with YOC's reports, and print last week's revenue."""

import dlt

from tap_yoc.dlt import yoc

pipeline = dlt.pipeline("yoc", destination="duckdb", dataset_name="ads")
pipeline.run(yoc())
with pipeline.sql_client() as client:
    last_week = "SELECT date, currency, revenue FROM daily_totals WHERE date > (SELECT max(date) - 7 FROM daily_totals)"
    for day, currency, revenue in client.execute_sql(f"{last_week} ORDER BY date, currency") or ():
        print(f"{day}  {revenue:>12,.2f} {currency}")  # noqa: T201 - this is what it is for
