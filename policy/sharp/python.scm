; Harmless: docstrings and other strings that stand alone, statements that do nothing.
(expression_statement . (string . (string_start) . (string_content)? . (string_end) .) .) @harmless
(expression_statement . (ellipsis) .) @harmless
(pass_statement) @harmless

; Harmless: annotations of parameters, results and variables with a value, and typing's names for them.
; Not those of a class's own variables, nor of a decorated function: the decorator may read them.
(typed_parameter type: (type) @harmless) @thin
(typed_default_parameter type: (type) @harmless) @as.default_parameter
(function_definition "->" @harmless return_type: (type) @harmless)
(function_definition body: (block (expression_statement (assignment type: (type) @harmless right: (_)))))
(module (expression_statement (assignment type: (type) @harmless right: (_))))
(decorated_definition (decorator (_) @_d) definition: (function_definition "->" @kept return_type: (type) @kept)
  (#not-any-of? @_d "staticmethod" "classmethod" "property" "abstractmethod"))
(decorated_definition (decorator (_) @_d) definition: (function_definition parameters: (parameters (_ type: (type) @kept)))
  (#not-any-of? @_d "staticmethod" "classmethod" "property" "abstractmethod"))
(import_from_statement module_name: (dotted_name) @_typing name: (_) (#eq? @_typing "typing")) @unread

; Annotations are evaluated, and what decorates or inherits may read docstrings.
[(call) (await) (yield) (named_expression) (lambda) (interpolation) (list_comprehension) (set_comprehension)] @live
[(dictionary_comprehension) (generator_expression)] @live
(decorated_definition (decorator (_) @_d) definition: (_ body: (block (expression_statement (string)) @kept))
  (#not-any-of? @_d "staticmethod" "classmethod" "property" "abstractmethod"))
(class_definition superclasses: (_) body: (block (expression_statement (string)) @kept))

; What reads docstrings or annotations.
((identifier) @doubt (#any-of? @doubt
  "__doc__" "getdoc" "doctest" "docopt" "ply" "yacc" "lex" "__annotations__" "get_type_hints" "get_annotations"
  "inspect" "signature" "typer" "fastapi" "pydantic" "singledispatch" "injector" "beartype" "typeguard"))

(decorated_definition) @wrapper
[(function_definition) (class_definition) (decorated_definition)] @definition
(function_definition name: (_) @definition)
(class_definition name: (_) @definition)

(if_statement condition: (_) @condition)
(elif_clause condition: (_) @condition)
(while_statement condition: (_) @condition)
(conditional_expression (_) . "if" . (_) @condition)
(if_clause (_) @condition)
(case_clause guard: (_) @condition)
(assert_statement) @guard
(if_statement consequence: (block [(return_statement) (raise_statement) (continue_statement) (break_statement)])) @guard
(if_statement consequence: (block (expression_statement (call function: (_) @_exit)))
  (#match? @_exit "^(sys\\.|os\\.)?_?(exit|quit|abort)$")) @guard

[(return_statement) (raise_statement) (break_statement) (continue_statement) (yield)] @exit
[(import_statement) (import_from_statement) (future_import_statement)] @import
(call function: (_) @callee) @callee
(call arguments: (_) @argument)
(keyword_argument) @argument
(decorator) @decorator
(except_clause value: (_) @exception)
(except_clause) @exception
(finally_clause) @exception
["async" "await"] @modifier
(await) @modifier
[(global_statement) (nonlocal_statement) (delete_statement)] @modifier
(comparison_operator) @comparison
(boolean_operator) @operator
(not_operator) @operator
(binary_operator) @operator
(unary_operator) @operator
(augmented_assignment) @operator
(subscript) @operator
(slice) @operator
[(string) (concatenated_string) (integer) (float) (true) (false) (none)] @literal
(pair) @literal
([(string) (concatenated_string)] @url
  (#match? @url "://|\\b(?:[0-9]{1,3}\\.){3}[0-9]{1,3}\\b|\\blocalhost\\b|\\b[A-Za-z0-9-]+\\.(?:com|org|net|io|dev|app|ai|co|cloud|internal|local)\\b"))
(parameters) @parameter
[(default_parameter) (typed_default_parameter) (typed_parameter)] @parameter
(lambda_parameters) @parameter
[(assignment) (named_expression)] @assignment
(for_statement left: (_) @assignment)
(for_statement right: (_) @condition)
(for_in_clause) @condition
(with_item) @callee
(class_definition superclasses: (_) @type)
(type) @type

(module . (comment) @directive (#match? @directive "^#!|coding[:=]"))
(module . (comment) . (comment) @directive (#match? @directive "coding[:=]"))

; Names that other files may use, where this one does not: of functions, classes and constants. A parameter that is given by
; name has that name for others in any case.
(module (function_definition name: (identifier) @name) (#not-match? @name "^_"))
(module (class_definition name: (identifier) @name) (#not-match? @name "^_"))
(module (decorated_definition definition: (_ name: (identifier) @name)) (#not-match? @name "^_"))
(module (expression_statement (assignment left: (identifier) @name
  right: [(string) (integer) (float) (true) (false) (none) (list) (tuple) (set) (dictionary)])) (#match? @name "^[A-Z][A-Z0-9_]*$"))
(module (function_definition parameters: (parameters (keyword_separator) (identifier) @given)))
(module (function_definition parameters: (parameters (keyword_separator)
  [(default_parameter name: (identifier) @given) (typed_default_parameter name: (identifier) @given)
   (typed_parameter . (identifier) @given)])))
