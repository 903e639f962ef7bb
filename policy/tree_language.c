#include "policy/tree_language.h"

#include <stdio.h>
#include <string.h>

static const struct tree_binding python_bindings[] = {
	{ BIND_PASS, " global_statement nonlocal_statement ", "", NULL },
	{ BIND_PARAMETER, " parameters lambda_parameters ", "", NULL },
	{ BIND_OUTSIDE, " function_definition class_definition ", "name", NULL },
	{ BIND_FUNCTION, " named_expression ", "name", NULL },
	{ BIND_HERE, " assignment augmented_assignment for_statement for_in_clause ", "left",
	  NULL },
	{ BIND_HERE, " as_pattern except_clause ", "alias", NULL },
	{ BIND_HERE, " with_item ", "alias", NULL },
	{ BIND_HERE, " delete_statement ", "", NULL },
	{ BIND_SPELLED, " import_statement import_from_statement future_import_statement ", "",
	  NULL },
	{ BIND_HERE, " case_pattern ", "", NULL },
	{ READ_OUTSIDE, " default_parameter typed_default_parameter ", "value", NULL },
	{ READ_OUTSIDE, " typed_parameter typed_default_parameter ", "type", NULL },
	{ READ_OUTSIDE, " function_definition ", "return_type", NULL },
	{ READ_OUTSIDE, " class_definition ", "superclasses", NULL },
	{ READ_OUTSIDE_FIRST, " for_in_clause ", "right", NULL },
	{ READ_SPELLED, " attribute ", "attribute", NULL },
	{ READ_SPELLED, " keyword_argument ", "name", NULL },
	{ READ_SPELLED, " keyword_pattern ", "", NULL },
	{ BIND_END, NULL, NULL, NULL },
};

static const struct tree_binding javascript_bindings[] = {
	{ BIND_PARAMETER, " formal_parameters ", "", NULL },
	{ BIND_SPELLED, " required_parameter optional_parameter ", "pattern",
	  " accessibility_modifier readonly override_modifier " },
	{ BIND_PARAMETER, " required_parameter optional_parameter ", "pattern", NULL },
	{ BIND_PARAMETER, " arrow_function catch_clause ", "parameter", NULL },
	{ BIND_OUTSIDE, " function_declaration generator_function_declaration class_declaration ",
	  "name", NULL },
	{ BIND_HERE, " function_expression generator_function class ", "name", NULL },
	{ BIND_FUNCTION, " variable_declarator ", "name", " variable_declaration " },
	{ BIND_FUNCTION, " for_in_statement ", "left", " var " },
	{ BIND_HERE, " variable_declarator ", "name", " lexical_declaration " },
	{ BIND_HERE, " for_in_statement ", "left", " let const " },
	{ BIND_IMPORT, " import_clause namespace_import ", "", NULL },
	{ BIND_IMPORT, " import_specifier ", "alias", NULL },
	{ BIND_IMPORT, " import_specifier ", "name", NULL },
	{ BIND_SPELLED, " enum_declaration internal_module module ", "", NULL },
	{ BIND_HERE, " field_definition ", "property", NULL },
	{ BIND_HERE, " public_field_definition ", "name", NULL },
	{ BIND_OUTSIDE, " method_definition ", "name", NULL },
	{ READ_SPELLED, " export_specifier ", "alias", NULL },
	{ BIND_END, NULL, NULL, NULL },
};

static const struct tree_binding c_bindings[] = {
	{ BIND_PARAMETER, " parameter_declaration ", "declarator", NULL },
	{ BIND_OUTSIDE, " function_definition ", "declarator", NULL },
	{ BIND_NEXT, " declaration ", "declarator", NULL },
	{ BIND_SPELLED, " enumerator ", "name", NULL },
	{ BIND_END, NULL, NULL, NULL },
};

static const struct tree_binding go_bindings[] = {
	{ BIND_PARAMETER, " parameter_declaration variadic_parameter_declaration ", "name", NULL },
	{ BIND_LATER, " short_var_declaration ", "left", NULL },
	{ BIND_LATER, " var_spec const_spec ", "name", NULL },
	{ BIND_HERE, " range_clause receive_statement ", "left", " := " },
	{ BIND_HERE, " type_switch_statement ", "alias", NULL },
	{ BIND_OUTSIDE, " function_declaration ", "name", NULL },
	{ READ_SPELLED, " keyed_element ", "key", NULL },
	{ BIND_END, NULL, NULL, NULL },
};

static const struct tree_binding rust_bindings[] = {
	{ BIND_PARAMETER, " parameter ", "pattern", NULL },
	{ BIND_PARAMETER, " closure_parameters ", "", NULL },
	{ BIND_LATER, " let_declaration ", "pattern", NULL },
	{ BIND_HERE, " for_expression let_condition match_arm ", "pattern", NULL },
	{ BIND_OUTSIDE, " function_item ", "name", NULL },
	{ BIND_SPELLED, " const_item static_item ", "name", NULL },
	{ READ_OUTSIDE, " for_expression ", "value", NULL },
	{ READ_SPELLED, " macro_invocation ", "macro", NULL },
	{ READ_SPELLED, " scoped_identifier ", "", NULL },
	{ READ_SPELLED,
	  " use_declaration use_list use_as_clause scoped_use_list mod_item attribute ", "", NULL },
	{ BIND_END, NULL, NULL, NULL },
};

static const struct tree_binding java_bindings[] = {
	{ BIND_SPELLED, " formal_parameter spread_parameter ", "name", " record_declaration " },
	{ BIND_PARAMETER, " formal_parameter catch_formal_parameter ", "name", NULL },
	{ BIND_PARAMETER, " spread_parameter inferred_parameters ", "", NULL },
	{ BIND_PARAMETER, " lambda_expression ", "parameters", NULL },
	{ BIND_SPELLED, " variable_declarator ", "name",
	  " field_declaration constant_declaration " },
	{ BIND_SPELLED, " enum_constant ", "name", NULL },
	{ BIND_LATER, " variable_declarator ", "name", " local_variable_declaration " },
	{ BIND_HERE, " enhanced_for_statement resource ", "name", NULL },
	{ BIND_HERE, " instanceof_expression ", "name", NULL },
	{ BIND_HERE, " type_pattern record_pattern_component ", "", NULL },
	{ READ_OUTSIDE, " enhanced_for_statement ", "value", NULL },
	{ READ_SPELLED, " method_invocation method_declaration constructor_declaration ", "name",
	  NULL },
	{ READ_SPELLED,
	  " class_declaration interface_declaration enum_declaration record_declaration ", "name",
	  NULL },
	{ READ_SPELLED, " annotation marker_annotation compact_constructor_declaration ", "name",
	  NULL },
	{ READ_SPELLED, " field_access ", "field", NULL },
	{ READ_SPELLED, " element_value_pair ", "key", NULL },
	{ READ_SPELLED,
	  " package_declaration import_declaration scoped_identifier labeled_statement ", "",
	  NULL },
	{ READ_SPELLED, " break_statement continue_statement method_reference ", "", NULL },
	{ BIND_END, NULL, NULL, NULL },
};

static const struct tree_binding bash_bindings[] = {
	{ BIND_END, NULL, NULL, NULL },
};

static const struct tree_language languages[] = {
	{ .name = "python",
	  .dropped = " comment line_continuation ( ) [ ] { } ; . ",
	  .comments = " comment ",
	  .watched = " call interpolation type function_definition assignment "
		     "augmented_assignment ",
	  .dunders = true,
	  .separators = " , : ",
	  .exact = " none ",
	  .atoms = " import_prefix ",
	  .transparent = " parenthesized_expression parenthesized_list_splat tuple_pattern ",
	  .opened = " generic_type>type_parameter type_parameter>type ",
	  .kept = " ",
	  .empty = " class_definition>argument_list ",
	  .rewritten = " else_clause case_clause ",
	  .joined = " concatenated_string ",
	  .dissolved = " argument_list>generator_expression case_pattern>case_pattern ",
	  .lone = " subscript type_parameter tuple tuple_pattern expression_list pattern_list ",
	  .fielded = " none ",
	  .alias = " expression_list=tuple pattern_list=tuple_pattern generic_type=subscript ",
	  .strings = " string ",
	  .insets = " interpolation ",
	  .numbers = " integer float ",
	  .keys = " ",
	  .markup = " ",
	  .shorthand = " ",
	  .names = " identifier ",
	  .scopes = " module function_definition lambda class_definition list_comprehension "
		    "set_comprehension dictionary_comprehension generator_expression ",
	  .functions = " module function_definition lambda ",
	  .classes = " class_definition ",
	  .patterns = " pattern_list tuple_pattern list_pattern list_splat_pattern "
		      "dictionary_splat_pattern default_parameter typed_parameter "
		      "typed_default_parameter tuple list expression_list as_pattern_target "
		      "parenthesized_expression aliased_import dotted_name list_splat ",
	  .skipped = " default_parameter>value typed_default_parameter>value typed_parameter>type "
		     "typed_default_parameter>type ",
	  .bindings = python_bindings },
	{ .name = "script",
	  .languages = " javascript typescript tsx ",
	  .dropped = " comment ( ) [ ] { } ; . ' \" ` ${ ",
	  .comments = " comment ",
	  .watched = " with_statement call_expression ",
	  .separators = " , : ",
	  .exact = " none ",
	  .atoms = " regex number predefined_type template_literal_type jsx_namespace_name ",
	  .transparent =
		  " parenthesized_expression parenthesized_type required_parameter union_type intersection_type ",
	  .opened = " arrow_function>formal_parameters ",
	  .kept = " member_expression>parenthesized_expression "
		  "non_null_expression>parenthesized_expression "
		  "subscript_expression>parenthesized_expression "
		  "call_expression>parenthesized_expression ",
	  .empty = " program>empty_statement statement_block>empty_statement "
		   "class_body>empty_statement switch_case>empty_statement "
		   "union_type>| intersection_type>& new_expression>arguments ",
	  .lone = " none ",
	  .fielded = " for_statement ",
	  .alias = " none=none ",
	  .strings = " string template_string ",
	  .insets = " template_substitution ",
	  .numbers = " number ",
	  .keys = " pair>key pair_pattern>key property_signature>name public_field_definition>name "
		  "method_definition>name method_signature>name field_definition>property ",
	  .markup = " jsx_text ",
	  .shorthand = " shorthand_property_identifier=pair,property_identifier "
		       "shorthand_property_identifier_pattern=pair_pattern,property_identifier ",
	  .names = " identifier private_property_identifier shorthand_property_identifier "
		   "shorthand_property_identifier_pattern ",
	  .scopes =
		  " program statement_block function_declaration function_expression "
		  "arrow_function method_definition generator_function "
		  "generator_function_declaration for_statement for_in_statement catch_clause "
		  "class class_declaration switch_body class_static_block function_type function_signature "
		  "method_signature abstract_method_signature call_signature "
		  "construct_signature constructor_type ",
	  .functions = " program function_declaration function_expression arrow_function "
		       "method_definition generator_function generator_function_declaration "
		       "class_static_block ",
	  .dissolved = " ",
	  .rewritten = " import_specifier export_specifier shorthand_property_identifier "
		       "shorthand_property_identifier_pattern ",
	  .classes = " none ",
	  .exports = " export_statement ",
	  .patterns = " object_pattern array_pattern assignment_pattern rest_pattern pair_pattern "
		      "object_assignment_pattern ",
	  .skipped = " assignment_pattern>right object_assignment_pattern>right pair_pattern>key ",
	  .bindings = javascript_bindings },
	{ .name = "c",
	  .watched = " preproc_arg call_expression ",
	  .dropped = " comment ( ) [ ] { } ' \" \n ",
	  .comments = " comment ",
	  .separators = " , ; : ",
	  .exact = " preproc_params gnu_asm_expression ",
	  .atoms = " sized_type_specifier ",
	  .transparent = " parenthesized_expression ",
	  .opened = " ",
	  .kept = " call_expression>parenthesized_expression ",
	  .empty = " compound_statement>; ",
	  .lone = " none ",
	  .fielded = " for_statement ",
	  .alias = " none=none ",
	  .strings = " ",
	  .insets = " ",
	  .numbers = " ",
	  .keys = " ",
	  .markup = " ",
	  .shorthand = " ",
	  .names = " identifier ",
	  .scopes = " translation_unit function_definition compound_statement for_statement "
		    "declaration_list ",
	  .functions = " translation_unit function_definition ",
	  .classes = " none ",
	  .spelled_file = true,
	  .patterns = " pointer_declarator array_declarator function_declarator "
		      "parenthesized_declarator attributed_declarator init_declarator ",
	  .skipped = " array_declarator>size init_declarator>value function_declarator>parameters ",
	  .bindings = c_bindings },
	{ .name = "go",
	  .comments = " comment ",
	  .dropped = " comment ( ) [ ] { } . \" ` \n ",
	  .separators = " , ; : ",
	  .exact = " none ",
	  .atoms = " ",
	  .transparent = " parenthesized_expression parenthesized_type ",
	  .opened = " ",
	  .kept = " ",
	  .empty = " block>empty_statement statement_list>empty_statement ",
	  .lone = " none ",
	  .fielded =
		  " expression_switch_statement type_switch_statement slice_expression for_clause ",
	  .alias = " none=none ",
	  .strings = " ",
	  .insets = " ",
	  .numbers = " ",
	  .keys = " ",
	  .markup = " ",
	  .shorthand = " ",
	  .names = " identifier ",
	  .scopes = " source_file function_declaration method_declaration func_literal block "
		    "if_statement for_statement expression_switch_statement "
		    "type_switch_statement expression_case default_case type_case "
		    "communication_case function_type method_elem ",
	  .functions = " source_file function_declaration method_declaration func_literal ",
	  .classes = " none ",
	  .spelled_file = true,
	  .patterns = " expression_list ",
	  .skipped = " ",
	  .bindings = go_bindings },
	{ .name = "rust",
	  .watched = " macro_invocation string_literal raw_string_literal ",
	  .dropped = " line_comment block_comment ( ) [ ] { } \" ' . ",
	  .separators = " , ; : ",
	  .exact = " token_tree token_tree_pattern array_expression token_repetition "
		   "token_repetition_pattern macro_rule ",
	  .atoms = " lifetime string_literal raw_string_literal char_literal ",
	  .transparent = " parenthesized_expression ",
	  .opened = " ",
	  .kept = " call_expression>parenthesized_expression ",
	  .empty = " block>empty_statement ",
	  .lone = " tuple_type tuple_pattern tuple_expression ",
	  .fielded = " none ",
	  .alias = " none=none ",
	  .strings = " ",
	  .insets = " ",
	  .numbers = " ",
	  .keys = " ",
	  .markup = " ",
	  .rewritten = " shorthand_field_initializer shorthand_field_identifier ",
	  .shorthand = " shorthand_field_initializer=field_initializer,field_identifier "
		       "shorthand_field_identifier=field_pattern,field_identifier ",
	  .names = " identifier shorthand_field_identifier ",
	  .scopes = " source_file function_item closure_expression block for_expression match_arm "
		    "if_expression while_expression ",
	  .functions = " source_file function_item closure_expression ",
	  .classes = " none ",
	  .spelled_file = true,
	  .patterns =
		  " tuple_pattern tuple_struct_pattern struct_pattern field_pattern ref_pattern "
		  "mut_pattern reference_pattern slice_pattern captured_pattern or_pattern "
		  "match_pattern parameter ",
	  .skipped = " tuple_struct_pattern>type struct_pattern>type match_pattern>condition "
		     "field_pattern>name parameter>type ",
	  .capitals_match = true,
	  .bindings = rust_bindings },
	{ .name = "java",
	  .watched = " formal_parameter ",
	  .dropped = " line_comment block_comment ( ) [ ] { } \" . ",
	  .comments = " line_comment block_comment ",
	  .separators = " , ; : ",
	  .exact = " ",
	  .atoms = " dimensions integral_type floating_point_type ",
	  .transparent = " parenthesized_expression ",
	  .opened = " ",
	  .kept = " ",
	  .empty = " block>; class_body>; program>; ",
	  .lone = " none ",
	  .fielded = " for_statement ",
	  .alias = " none=none ",
	  .strings = " ",
	  .insets = " ",
	  .numbers = " ",
	  .keys = " ",
	  .markup = " ",
	  .shorthand = " ",
	  .names = " identifier ",
	  .scopes = " program class_body enum_body interface_body method_declaration "
		    "constructor_declaration lambda_expression block for_statement "
		    "enhanced_for_statement catch_clause try_with_resources_statement "
		    "switch_block_statement_group switch_rule constructor_body "
		    "record_declaration ",
	  .functions = " program method_declaration constructor_declaration lambda_expression ",
	  .classes = " class_body enum_body interface_body ",
	  .classes_seen = true,
	  .spelled_file = true,
	  .patterns = " variable_declarator inferred_parameters ",
	  .skipped = " variable_declarator>value variable_declarator>dimensions ",
	  .bindings = java_bindings },
	{ .name = "bash",
	  .comments = " comment ",
	  .dropped = " comment \n \" ` ) } { $( ",
	  .separators = " ; ( ",
	  .exact = " process_substitution test_command expansion array c_style_for_statement "
		   "arithmetic_expansion ",
	  .atoms = " ansi_c_string raw_string word extglob_pattern regex heredoc_body "
		   "brace_expression special_variable_name ",
	  .transparent = " ",
	  .opened = " ",
	  .kept = " ",
	  .empty = " ",
	  .lone = " none ",
	  .fielded = " ",
	  .alias = " none=none ",
	  .strings = " string translated_string ",
	  .insets = " simple_expansion expansion command_substitution arithmetic_expansion ",
	  .numbers = " ",
	  .keys = " ",
	  .markup = " ",
	  .shorthand = " ",
	  .names = " none ",
	  .scopes = " program ",
	  .functions = " program ",
	  .classes = " none ",
	  .spelled_file = true,
	  .patterns = " ",
	  .skipped = " ",
	  .bindings = bash_bindings },
};

bool tree_listed(const char *list, const char *word)
{
	size_t n = strlen(word);
	for (const char *at = list; n && (at = strstr(at, word)) != NULL; at++)
		if (at > list && at[-1] == ' ' && at[n] == ' ')
			return true;
	return false;
}

bool tree_paired(const char *list, const char *left, const char *right)
{
	char pair[160];
	int n = snprintf(pair, sizeof(pair), "%s>%s", left, right);
	return n > 0 && (size_t)n < sizeof(pair) && tree_listed(list, pair);
}

struct span tree_right_of(const char *list, const char *left)
{
	size_t n = strlen(left);
	for (const char *at = list; n && (at = strstr(at, left)) != NULL; at++)
		if (at > list && at[-1] == ' ' && at[n] == '=')
			return (struct span){ at + n + 1, strcspn(at + n + 1, " ") };
	return (struct span){ NULL, 0 };
}

const struct tree_language *tree_language_of(const struct syntax_language *language)
{
	for (size_t i = 0; i < ARRAY_LEN(languages); i++)
		if (languages[i].languages ? tree_listed(languages[i].languages, language->name)
					   : strcmp(languages[i].name, language->name) == 0)
			return &languages[i];
	CHECK(!"every grammar has a normalisation");
	return NULL;
}
