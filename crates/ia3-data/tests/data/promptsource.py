"""Renders promptsource's templates of the few-shot sets on their rows, with promptsource's own code.

    pip install jinja2 pyyaml
    pip download --no-deps --no-binary :all: --ignore-requires-python promptsource==0.2.3   # and unpack it
    python promptsource.py PROMPTSOURCE FEW_SHOT > rendered.jsonl

PROMPTSOURCE is the unpacked source package, FEW_SHOT holds <set>/<k>_shot/<seed>_seed.jsonl. Each line is a data set's
templates.yaml, the place of the template in the order of ids, the file and the line of the row, and what `apply` and
`get_answer_choices_list` give, or the error.
"""
import json
import pathlib
import sys
import types

SETS = {
    "rte": "super_glue/rte", "cb": "super_glue/cb", "copa": "super_glue/copa", "wic": "super_glue/wic",
    "wsc": "super_glue/wsc.fixed", "boolq": "super_glue/boolq", "sst2": "glue/sst2",
    "winogrande": "winogrande/winogrande_xl", "h-swag": "hellaswag",
    "anli-r1": "anli", "anli-r2": "anli", "anli-r3": "anli",
}

root, few_shot = map(pathlib.Path, sys.argv[1:3])
templates = root / "promptsource/templates"
# What templates.py imports and does not use here.
sys.modules["pandas"] = types.ModuleType("pandas")
resources = types.ModuleType("pkg_resources")
resources.resource_filename = lambda package, name: str(templates)
sys.modules["pkg_resources"] = resources
source = types.ModuleType("templates")
exec(compile((root / "promptsource/templates.py").read_text(), "templates.py", "exec"), source.__dict__)

for name, dataset in SETS.items():
    found = source.yaml.load((templates / dataset / "templates.yaml").read_text(), Loader=source.yaml.FullLoader)
    for place, (_, template) in enumerate(sorted(found["templates"].items())):
        for path in sorted((few_shot / name).glob("*/*.jsonl")):
            for line, text in enumerate(path.read_text().split("\n"), 1):
                if not text.strip():
                    continue
                row = json.loads(text)
                result = {"yaml": f"{dataset}/templates.yaml", "template": place,
                          "file": str(path.relative_to(few_shot)), "line": line}
                try:
                    result["parts"] = template.apply(row, truncate=False)
                    result["choices"] = template.get_answer_choices_list(row)
                except Exception as error:
                    result["error"] = f"{type(error).__name__}: {error}"
                print(json.dumps(result))
