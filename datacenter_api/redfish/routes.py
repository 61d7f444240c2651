"""The tree of this service: which URI is built by which function.  The listing is the API's table of contents."""

from datacenter_api.redfish import (
    accounts,
    aggregation,
    chassis,
    fabrics,
    logs,
    managers,
    power_equipment,
    root,
    sensors,
    subsystems,
    systems,
    tasks_events,
    telemetry,
    thermal_equipment,
    updates,
)
from datacenter_api.redfish.tree import Builder, Tree

_SIDES = ("PrimaryCoolantConnectors", "SecondaryCoolantConnectors")
_CDU = "ThermalEquipment/CDUs/{}"

READ_ONLY: dict[str, Builder] = {
    "": root.build_root,
    "odata": root.build_odata,
    "Registries": root.build_registries,
    "Registries/{}": root.build_registry_file,
    "Registries/{}/{}": root.build_registry,
    "JsonSchemas": root.build_schemas,
    "JsonSchemas/{}": root.build_schema_file,
    "Chassis": chassis.build_all,
    "Chassis/{}/Sensors": sensors.build_sensors,
    "Chassis/{}/Sensors/{}": sensors.build_sensor,
    "Chassis/{}/PowerSubsystem": subsystems.build_power,
    "Chassis/{}/PowerSubsystem/PowerSupplies": power_equipment.build_supplies,
    "Chassis/{}/PowerSubsystem/PowerSupplies/{}": power_equipment.build_supply,
    "Chassis/{}/PowerSubsystem/PowerSupplies/{}/Metrics": power_equipment.build_supply_metrics,
    "Chassis/{}/PowerSubsystem/Batteries": power_equipment.build_batteries,
    "Chassis/{}/PowerSubsystem/Batteries/{}": power_equipment.build_battery,
    "Chassis/{}/PowerSubsystem/Batteries/{}/Metrics": power_equipment.build_battery_metrics,
    "Chassis/{}/ThermalSubsystem": subsystems.build_thermal,
    "Chassis/{}/ThermalSubsystem/Fans": subsystems.build_fans,
    "Chassis/{}/ThermalSubsystem/Fans/{}": subsystems.build_fan,
    "Chassis/{}/ThermalSubsystem/LeakDetection": subsystems.build_leak_detection,
    "Chassis/{}/LeakDetectors": subsystems.build_leak_detectors,
    "Chassis/{}/LeakDetectors/{}": subsystems.build_leak_detector,
    "Chassis/{}/EnvironmentMetrics": subsystems.build_environment,
    "Chassis/{}/LogServices": logs.build_services,
    "Chassis/{}/LogServices/{}": logs.build_service,
    "Chassis/{}/LogServices/{}/Entries": logs.build_entries,
    "Chassis/{}/LogServices/{}/Entries/{}": logs.build_entry,
    "Systems": systems.build_all,
    "Systems/{}/Processors": systems.build_processors,
    "Systems/{}/Processors/{}": systems.build_processor,
    "Systems/{}/Processors/{}/EnvironmentMetrics": systems.build_processor_environment,
    "Systems/{}/Processors/{}/ProcessorMetrics": systems.build_processor_metrics,
    "Systems/{}/Memory": systems.build_memory,
    "Systems/{}/Memory/{}": systems.build_module,
    "Managers": managers.build_all,
    "Managers/{}": managers.build_one,
    "Managers/{}/NetworkProtocol": managers.build_protocol,
    "Fabrics": fabrics.build_all,
    "Fabrics/{}": fabrics.build_one,
    "Fabrics/{}/Switches": fabrics.build_switches,
    "Fabrics/{}/Switches/{}": fabrics.build_switch,
    "Fabrics/{}/Switches/{}/EnvironmentMetrics": fabrics.build_switch_environment,
    "PowerEquipment": power_equipment.build_equipment,
    "PowerEquipment/PowerShelves": power_equipment.build_shelves,
    "PowerEquipment/PowerShelves/{}": power_equipment.build_shelf,
    "PowerEquipment/PowerShelves/{}/Metrics": power_equipment.build_shelf_metrics,
    "ThermalEquipment": thermal_equipment.build_equipment,
    "ThermalEquipment/CDUs": thermal_equipment.build_units,
    _CDU: thermal_equipment.build_unit,
    f"{_CDU}/EnvironmentMetrics": thermal_equipment.build_environment,
    f"{_CDU}/LeakDetection": thermal_equipment.build_leak_detection,
    f"{_CDU}/Pumps": thermal_equipment.build_pumps,
    f"{_CDU}/Pumps/{{}}": thermal_equipment.build_pump,
    f"{_CDU}/Reservoirs": thermal_equipment.build_reservoirs,
    f"{_CDU}/Reservoirs/{{}}": thermal_equipment.build_reservoir,
    **{f"{_CDU}/{side}": thermal_equipment.build_connectors for side in _SIDES},
    **{f"{_CDU}/{side}/{{}}": thermal_equipment.build_connector for side in _SIDES},
    "ThermalEquipment/CoolingLoops": thermal_equipment.build_loops,
    "ThermalEquipment/CoolingLoops/{}": thermal_equipment.build_loop,
    "TelemetryService": telemetry.build_service,
    "TelemetryService/MetricReports": telemetry.build_reports,
    "TelemetryService/MetricReports/{}": telemetry.build_report,
    "TelemetryService/MetricReportDefinitions": telemetry.build_definitions,
    "TelemetryService/MetricReportDefinitions/{}": telemetry.build_definition,
    "UpdateService": updates.build_service,
    "UpdateService/FirmwareInventory": updates.build_inventory,
    "UpdateService/FirmwareInventory/{}": updates.build_item,
    "AggregationService": aggregation.build_service,
    "AggregationService/AggregationSources": aggregation.build_sources,
    "AggregationService/AggregationSources/{}": aggregation.build_source,
    "TaskService": tasks_events.build_task_service,
    "TaskService/Tasks": tasks_events.build_tasks,
    "EventService": tasks_events.build_event_service,
    "EventService/Subscriptions": tasks_events.build_subscriptions,
    "AccountService": accounts.build_account_service,
    "AccountService/Roles": accounts.build_roles,
    "AccountService/Roles/{}": accounts.build_role,
    "SessionService": accounts.build_session_service,
}

CHANGEABLE: dict[str, tuple[Builder, str]] = {
    "Chassis/{}": (chassis.build_one, "GET, HEAD, PATCH"),
    "Systems/{}": (systems.build_one, "GET, HEAD, PATCH"),
    "AccountService/Accounts": (accounts.build_accounts, accounts.ALLOW_MANY),
    "AccountService/Accounts/{}": (accounts.build_account, accounts.ALLOW_ACCOUNT),
    "SessionService/Sessions": (accounts.build_sessions, accounts.ALLOW_MANY),
    "SessionService/Sessions/{}": (accounts.build_session, accounts.ALLOW_SESSION),
}


def make_tree() -> Tree:
    """Return all routes."""
    tree = Tree()
    for path, build in READ_ONLY.items():
        tree.add(path, build)
    for path, (build, allow) in CHANGEABLE.items():
        tree.add(path, build, allow)
    return tree
