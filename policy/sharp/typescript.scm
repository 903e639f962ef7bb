
; Harmless: what the compiler takes out. Not casts, and nothing where a decorator could read types.
(decorator) @doubt
((identifier) @doubt (#any-of? @doubt "typia" "reflect" "Reflect"))
(required_parameter type: (_) @harmless) @thin
(optional_parameter type: (_) @harmless)
(variable_declarator type: (_) @harmless)
(public_field_definition type: (_) @harmless)
(catch_clause type: (_) @harmless)
(function_declaration return_type: (_) @harmless)
(function_expression return_type: (_) @harmless)
(generator_function return_type: (_) @harmless)
(generator_function_declaration return_type: (_) @harmless)
(arrow_function return_type: (_) @harmless)
(method_definition return_type: (_) @harmless)
(new_expression type_arguments: (_) @harmless)
[(type_alias_declaration) (interface_declaration)] @harmless
(export_statement declaration: [(type_alias_declaration) (interface_declaration)]) @harmless
(import_statement "type") @harmless

(public_field_definition) @assignment
[(accessibility_modifier) (override_modifier) "readonly" "abstract" "declare"] @modifier
[(as_expression) (satisfies_expression) (non_null_expression)] @type
[(type_annotation) (type_arguments) (type_parameters)] @type
[(enum_declaration) (abstract_class_declaration)] @definition
(enum_assignment) @assignment
