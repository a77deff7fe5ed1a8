#![no_main]

ia3_fuzz::program!(model_config);
