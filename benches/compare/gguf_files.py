"""The checkpoint of a Llama as GGUF files, with the adapter merged, because llama.cpp has no (IA)^3."""
import gguf
import torch

from checkpoint import load


def export(folder, files):
    """`files` has the path of each by the name of its type."""
    model = load(folder).merge_and_unload()
    for name, path in files.items():
        path.parent.mkdir(exist_ok=True)
        # A file that has its name is a whole one.
        part = path.with_suffix(".part")
        write(part, model, gguf.GGMLQuantizationType[name])
        part.rename(path)


def write(file, model, kind):
    """All matrices in `kind`, the embedding, which is the head too, among them; norms in float32."""
    writer = gguf.GGUFWriter(file, "llama")
    writer.add_file_type(gguf.LlamaFileType[f"{'ALL' if kind.name == 'F32' else 'MOSTLY'}_{kind.name}"])
    add_config(writer, model.config)
    add_vocabulary(writer, model.config.vocab_size)
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.LLAMA, model.config.num_hidden_layers)
    tied = model.config.tie_word_embeddings
    for name, weight in model.state_dict().items():
        if tied and name == "lm_head.weight":
            continue
        numbers = in_llama_cpps_order(name, weight, model.config).float().numpy()
        stored = kind if numbers.ndim == 2 else gguf.GGMLQuantizationType.F32
        key = names.get_name(name, try_suffixes=[".weight"])
        writer.add_tensor(key, gguf.quantize(numbers, stored), raw_dtype=stored)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def in_llama_cpps_order(name, weight, config):
    """llama.cpp turns neighbouring outputs of a query or a key, transformers those that are half a head apart."""
    heads = {"q_proj": config.num_attention_heads, "k_proj": config.num_key_value_heads}.get(name.split(".")[-2])
    if heads is None:
        return weight
    return weight.reshape(heads, 2, -1, weight.shape[-1]).transpose(1, 2).reshape(weight.shape).contiguous()


def add_config(writer, config):
    writer.add_vocab_size(config.vocab_size)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_dimension_count(config.hidden_size // config.num_attention_heads)
    writer.add_rope_freq_base(config.rope_parameters["rope_theta"])


def add_vocabulary(writer, size):
    """Made-up words: prompts are given as ids, but llama.cpp loads no model without a vocabulary."""
    writer.add_tokenizer_model("llama")
    writer.add_token_list(["<unk>", "<s>"] + [f"word{i}" for i in range(2, size)])
    writer.add_token_scores([0.0] * size)
    writer.add_token_types([gguf.TokenType.UNKNOWN, gguf.TokenType.CONTROL] + [gguf.TokenType.NORMAL] * (size - 2))
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(1)
