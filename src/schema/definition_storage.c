/* SPDX-License-Identifier: MIT */
/* How a field's values are kept in the files: encoding, bloom; and who cannot read that. */
#include "schema/definition_parts.h"

#include <stdio.h>

#include "json/number.h"
#include "schema/parse.h"

static const struct shale_def_key encodings[] = {
    [SHALE_ENCODE_AUTO] = {"auto", false},
    [SHALE_ENCODE_PLAIN] = {"plain", false},
    [SHALE_ENCODE_DICTIONARY] = {"dictionary", false},
    [SHALE_ENCODE_DELTA] = {"delta", false},
    [SHALE_ENCODE_DELTA_LENGTH] = {"delta_length", false},
    [SHALE_ENCODE_DELTA_BYTE_ARRAY] = {"delta_byte_array", false},
    [SHALE_ENCODE_BYTE_STREAM_SPLIT] = {"byte_stream_split", false},
    [SHALE_ENCODE_RLE] = {"rle", false},
};
enum { N_ENCODINGS = sizeof encodings / sizeof encodings[0] };

static const char *const fits[N_ENCODINGS] = {
    [SHALE_ENCODE_DICTIONARY] = "dictionary is for everything but bool",
    [SHALE_ENCODE_DELTA] = "delta is for whole numbers, dates, times, timestamps and decimals of "
                           "at most 18 digits",
    [SHALE_ENCODE_DELTA_LENGTH] = "delta_length is for string, json, binary and uuid",
    [SHALE_ENCODE_DELTA_BYTE_ARRAY] =
        "delta_byte_array is for string, json, binary, uuid and decimals of more than 18 digits",
    [SHALE_ENCODE_BYTE_STREAM_SPLIT] = "byte_stream_split is for numbers, dates, times, timestamps "
                                       "and annotated uuid",
    [SHALE_ENCODE_RLE] = "rle is for bool",
};

bool shale_parse_encoding(struct shale_str text, enum shale_encoding_choice *out)
{
    for (size_t i = 0; i < N_ENCODINGS; i++)
        if (shale_str_is(text, encodings[i].name)) {
            *out = (enum shale_encoding_choice)i;
            return true;
        }
    return false;
}

static bool fits_some_leaf(enum shale_encoding_choice encoding, const struct shale_type *type)
{
    for (size_t i = 0; i < type->n_members; i++)
        if (fits_some_leaf(encoding, &type->members[i].type))
            return true;
    return type->n_members == 0 && shale_encoding_fits(encoding, type);
}

static bool has_leaf_but_bool(const struct shale_type *type)
{
    for (size_t i = 0; i < type->n_members; i++)
        if (has_leaf_but_bool(&type->members[i].type))
            return true;
    return type->n_members == 0 && type->kind != SHALE_BOOL;
}

static void read_encoding(struct shale_def *def, const struct shale_field *field,
                          struct shale_def_field *info)
{
    char name[SHALE_TYPE_TEXT_BYTES];
    size_t i;
    if (!shale_def_choice(def, info->encoding, "encoding", encodings, N_ENCODINGS, &i))
        return;
    if (fits_some_leaf((enum shale_encoding_choice)i, &field->type))
        info->encoding_choice = (enum shale_encoding_choice)i;
    else
        SHALE_DEF_ERROR(def, info->encoding, definition_applies, "encoding",
                        shale_type_text(&field->type, name, sizeof name), fits[i]);
}

/* true, false or {fpp: 0.01}; false when reported. */
static bool read_fpp(struct shale_def *def, const struct shale_yaml_node *node, double *out)
{
    static const struct shale_def_key keys[] = {{"fpp", false}};
    static const char expected[] = "a share of wrong answers from 0.00001 to 0.5, such as 0.01";
    const double least = 0.00001, most = 0.5, usual = 0.01;
    char found[SHALE_DEF_FOUND_BYTES];
    const struct shale_yaml_node *fpp;
    bool wanted;

    *out = usual;
    if (node->kind != SHALE_YAML_MAPPING) {
        if (!shale_def_bool(def, node, "bloom", &wanted))
            return false;
        *out = wanted ? usual : 0;
        return true;
    }
    if (!shale_def_mapping(def, node, "bloom", keys, 1, &fpp))
        return false;
    if (fpp == NULL)
        return true;
    if (fpp->kind == SHALE_YAML_SCALAR && shale_number_valid(fpp->text) &&
        shale_number_f64(fpp->text, out) == SHALE_NUMBER_OK && *out >= least && *out <= most)
        return true;
    SHALE_DEF_ERROR(def, fpp, definition_expected, "fpp", expected, shale_def_found(fpp, found));
    return false;
}

static void read_bloom(struct shale_def *def, const struct shale_field *field,
                       struct shale_def_field *info)
{
    char name[SHALE_TYPE_TEXT_BYTES];
    double fpp;
    if (!read_fpp(def, info->bloom, &fpp))
        return;
    if (fpp > 0 && !has_leaf_but_bool(&field->type))
        SHALE_DEF_ERROR(def, info->bloom, definition_applies, "bloom",
                        shale_type_text(&field->type, name, sizeof name),
                        "bool has only two values");
    else
        info->bloom_fpp = fpp;
}

void shale_def_storage(struct shale_def *def, const struct shale_field *field,
                       struct shale_def_field *info, const struct shale_yaml_node *const *values)
{
    info->encoding = values[SHALE_DEF_ENCODING];
    info->bloom = values[SHALE_DEF_BLOOM];
    if (info->encoding != NULL)
        read_encoding(def, field, info);
    if (info->bloom != NULL)
        read_bloom(def, field, info);
}

/* ---- With the output --------------------------------------------------------------------------
 */

static bool is_float(const struct shale_type *scalar)
{
    return shale_type_layout(scalar) == SHALE_LAYOUT_F64;
}

/* Is there a leaf that is written in BYTE_STREAM_SPLIT, or may be: a float, or something else? */
static bool may_be_split(const struct shale_type *type, enum shale_encoding_choice encoding,
                         bool floats)
{
    for (size_t i = 0; i < type->n_members; i++)
        if (may_be_split(&type->members[i].type, encoding, floats))
            return true;
    if (type->n_members > 0 || is_float(type) != floats)
        return false;
    if (encoding == SHALE_ENCODE_BYTE_STREAM_SPLIT)
        return shale_encoding_fits(encoding, type);
    return floats && (encoding == SHALE_ENCODE_AUTO || !shale_encoding_fits(encoding, type));
}

static void check_readers(struct shale_def *def, const struct shale_field *field,
                          const struct shale_def_field *info)
{
    const struct shale_yaml_node *node = info->encoding != NULL ? info->encoding : info->node;
    if (may_be_split(&field->type, info->encoding_choice, true))
        SHALE_DEF_WARNING(def, node, definition_reader, SHALE_DEF_SHOW(field->name),
                          "Spark's vectorised reader refuses BYTE_STREAM_SPLIT, which modern may "
                          "choose for floats; encoding: plain or dictionary avoids it");
    if (may_be_split(&field->type, info->encoding_choice, false))
        SHALE_DEF_WARNING(def, node, definition_reader, SHALE_DEF_SHOW(field->name),
                          "Spark 3.5, and Arrow before 16, know BYTE_STREAM_SPLIT of floats alone");
    if (info->encoding_choice == SHALE_ENCODE_DELTA_LENGTH)
        SHALE_DEF_WARNING(def, node, definition_reader, SHALE_DEF_SHOW(field->name),
                          "Spark 3.5's vectorised reader takes other values from "
                          "DELTA_LENGTH_BYTE_ARRAY, or fails; encoding: delta_byte_array is read");
}

void shale_def_check_storage(struct shale_def *def, const struct shale_field *field,
                             const struct shale_def_field *info)
{
    if (field->partition_identity) {
        if (info->encoding != NULL)
            SHALE_DEF_WARNING(def, info->encoding, definition_no_effect, "encoding",
                              "on a partition column, which is in no file");
        if (info->bloom != NULL)
            SHALE_DEF_WARNING(def, info->bloom, definition_no_effect, "bloom",
                              "on a partition column, which is in no file");
        return;
    }
    if (def->stream->modern)
        check_readers(def, field, info);
    else if (info->encoding_choice >= SHALE_ENCODE_DELTA)
        SHALE_DEF_ERROR(def, info->encoding, definition_modern, "encoding",
                        encodings[info->encoding_choice].name);
}
