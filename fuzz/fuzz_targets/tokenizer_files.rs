#![no_main]

ia3_fuzz::program!(tokenizer_files);
