"""What people look at: tables of results, tasks, devices and presets."""

from qvar.report.tables import device_table, family_table, preset_table, result_table, task_table

__all__ = ["device_table", "family_table", "preset_table", "result_table", "task_table"]
