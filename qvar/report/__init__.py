"""What people look at: tables of results, tasks and devices."""

from qvar.report.tables import device_table, family_table, result_table, task_table

__all__ = ["device_table", "family_table", "result_table", "task_table"]
