(type_annotation) @type
