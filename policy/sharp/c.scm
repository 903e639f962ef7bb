; Nothing is harmless here beyond what the normalisation leaves out.

(if_statement condition: (_) @condition)
(if_statement consequence: [(return_statement) (goto_statement) (continue_statement) (break_statement)]) @guard
(if_statement consequence: (compound_statement
  [(return_statement) (goto_statement) (continue_statement) (break_statement)])) @guard
(if_statement consequence: (compound_statement (expression_statement (call_expression function: (_) @_exit)))
  (#match? @_exit "^(_?exit|_Exit|abort|quick_exit|longjmp|die|errx?|panic)$")) @guard
(if_statement consequence: (expression_statement (call_expression function: (_) @_exit))
  (#match? @_exit "^(_?exit|_Exit|abort|quick_exit|longjmp|die|errx?|panic)$")) @guard
((call_expression function: (_) @_assert) @guard (#eq? @_assert "assert"))
(while_statement condition: (_) @condition)
(do_statement condition: (_) @condition)
(for_statement condition: (_) @condition)
(conditional_expression condition: (_) @condition)
(switch_statement condition: (_) @condition)
(case_statement value: (_) @condition)
(preproc_if condition: (_) @condition)
(preproc_ifdef name: (_) @condition)
(preproc_elif condition: (_) @condition)

[(return_statement) (break_statement) (continue_statement) (goto_statement)] @exit
(preproc_include) @import
[(preproc_def) (preproc_function_def) (preproc_call)] @assignment
(call_expression function: (_) @callee) @callee
(call_expression arguments: (_) @argument)
(gnu_asm_expression) @callee
[(attribute_specifier) (attribute_declaration) (ms_declspec_modifier)] @decorator
[(storage_class_specifier) (type_qualifier)] @modifier
(binary_expression) @operator
((binary_expression operator: _ @_o) @comparison (#any-of? @_o "<" "<=" ">" ">=" "==" "!="))
[(unary_expression) (update_expression) (pointer_expression) (subscript_expression) (comma_expression)] @operator
(field_expression operator: _ @operator)
((assignment_expression operator: _ @_o) @operator (#not-eq? @_o "="))
[(number_literal) (char_literal) (string_literal) (concatenated_string) (true) (false) (null)] @literal
([(string_literal) (concatenated_string)] @url
  (#match? @url "://|\\b(?:[0-9]{1,3}\\.){3}[0-9]{1,3}\\b|\\blocalhost\\b|\\b[A-Za-z0-9-]+\\.(?:com|org|net|io|dev|app|ai|co|cloud|internal|local)\\b"))
[(init_declarator) (assignment_expression) (initializer_pair) (enumerator)] @assignment
(parameter_list) @parameter
[(cast_expression) (sizeof_expression) (sized_type_specifier) (primitive_type) (field_declaration) (type_definition)] @type
(array_declarator) @type
(declaration type: (_) @type)
(function_definition type: (_) @type)
[(function_definition) (declaration) (struct_specifier) (enum_specifier) (union_specifier)] @definition
(function_declarator declarator: (_) @definition)
