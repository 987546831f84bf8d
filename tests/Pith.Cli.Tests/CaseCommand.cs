namespace Pith.Cli.Tests;

/// <summary>One command line of a test case, run in a copy of the case's folder, and what it must do.</summary>
/// <param name="Case">The folder of the case. Commands of one case run in the order of the list, in one copy.</param>
/// <param name="Line">The command without the program's name, words separated by spaces.</param>
internal sealed record CaseCommand(string Case, string Line)
{
    /// <summary>The exit code that is right.</summary>
    public int Exits { get; init; }

    /// <summary>Texts that what was written must hold, separated by <c>|</c>.</summary>
    public string Says { get; init; } = "";

    /// <summary>Texts that nothing may hold, separated by <c>|</c>.</summary>
    public string SaysNot { get; init; } = "";

    /// <summary>Two files that must be equal after the command, separated by a space.</summary>
    public string Equal { get; init; } = "";

    /// <summary>Every command of the cases' descriptions, and some that go on from there.</summary>
    public static IReadOnlyList<CaseCommand> All { get; } =
    [
        new("05-dynamic-hw", "build net/model.onnx --no-timing -o net.plan") { Exits = 1, Says = "f32[N,3,height,width]|--size" },
        new("05-dynamic-hw", "build net/model.onnx --no-timing -o net.plan --size 8x8") { Says = "net.plan: 4 layers" },
        new("05-dynamic-hw", "build net-pad/model.onnx --no-timing -o net-pad.plan --size 8x8") { Says = "net-pad.plan" },
        new("05-dynamic-hw", "quantize net/model.onnx --data procedural:count=64 --samples 32 -o q.onnx") { Exits = 1, Says = "--size" },
        new("05-dynamic-hw", "quantize net/model.onnx --data procedural:count=64 --samples 32 -o q.onnx --size 32x32") { Says = "3 of 3 layers are int8" },
        new("05-dynamic-hw", "compare net-pad/model.onnx --data procedural:count=2 --count 2 --size 32x32 --min-snr 60") { Says = "gemm_11" },
        new("06-qoperator", "info contrib/model.onnx") { Says = "2 quantized|GlobalAveragePool 1" },
        new("06-qoperator", "compare contrib/model.onnx --test-data contrib") { Says = "as expected" },
        new("10-functions", "build net/model.onnx --no-timing -o net.plan"),
        new("10-functions", "infer net.plan --input net/test_data_set_0") { Exits = 1, Says = "runs batches of 1, the data has 2|--batch 2" },
        new("10-functions", "build net/model.onnx --no-timing -o net2.plan --batch 2"),
        new("10-functions", "infer net2.plan --input net/test_data_set_0") { Says = "[2,4]" },
        new("10-functions", "compare net.plan") { Exits = 2, Says = "name another network" },
        new("10-functions", "compare net2.plan net/model.onnx --identical"),
        new("10-functions", "prune net/model.onnx -o p.onnx") { Says = "Nothing was pruned" },

        new("13-fixed-batch", "quantize b1.onnx --data npz:data.npz --samples 10 -o q.onnx --write-cache q.cache") { Says = "4 of 4 layers are int8" },
        new("13-fixed-batch", "quantize bN.onnx --data npz:data.npz --samples 10 -o qN.onnx --write-cache qN.cache") { Says = "4 of 4 layers are int8", Equal = "q.cache qN.cache" },
        new("13-fixed-batch", "finetune b1.onnx --data npz:many.npz --epochs 1 -o t.onnx") { Says = "loss 3.1541, training top-1 20.31%" },
        new("13-fixed-batch", "finetune bN.onnx --data npz:many.npz --epochs 1 -o tN.onnx --teacher b1.onnx") { Says = "training top-1 20.31%" },
        new("13-fixed-batch", "qat b1.onnx --data npz:many.npz --samples 32 --epochs 1 -o qat.onnx") { Says = "training top-1 20.31%" },
        new("13-fixed-batch", "qat bN.onnx --data npz:many.npz --samples 32 --epochs 1 -o qatN.onnx") { Says = "training top-1 20.31%" },
        new("13-fixed-batch", "eval b1.onnx --data npz:data.npz") { Says = "2 of 10" },
        new("13-fixed-batch", "eval bN.onnx --data npz:data.npz") { Says = "2 of 10" },
        new("13-fixed-batch", "compare q.onnx@literal q.onnx@engine --data npz:data.npz --count 8 --identical"),
        new("13-fixed-batch", "build b1.onnx --no-timing --batch 8 -o b1.plan") { Says = "batches of 1 only|batch 1 to 1" },
        new("13-fixed-batch", "bench b1.onnx --batch 8 --duration 0 --warm-up 0 --iterations 1") { Says = "batches of 1 only" },
        new("13-fixed-batch", "bench bN.onnx --batch 8 --duration 0 --warm-up 0 --iterations 1") { SaysNot = "only" },

        new("15-folders", "eval net2.onnx --data imagefolder:hidden/train --preprocess raw") { Says = "50.00% (6 of 12" },
        new("15-folders", "eval net3.onnx --data imagefolder:hidden/train --preprocess raw") { Exits = 1, Says = "3 outputs|2 classes in 12 images|classes.txt" },
        new("15-folders", "eval net2.onnx --data imagefolder:nested/train --preprocess raw") { Says = "50.00% (6 of 12|12 images lie deeper" },
        new("15-folders", "compare net2.onnx --data imagefolder:nested/train --preprocess raw --count 2") { Says = "12 images lie deeper" },
        new("15-folders", "eval net2.onnx --data imagefolder:flat/train --preprocess raw") { Exits = 1, Says = "without labels" },
        new("15-folders", "quantize net2.onnx --data imagefolder:flat/train --preprocess raw --samples 8 -o q.onnx") { Says = "layers are int8" },
        new("15-folders", "eval net2.onnx --data imagefolder:classes-names/train --preprocess raw") { Says = "50.00% (6 of 12" },
        new("15-folders", "eval net2.onnx --data imagefolder:ext --preprocess raw") { Says = "50.00% (7 of 14" },
        new("15-folders", "eval net12.onnx --data imagefolder:numeric/train --preprocess raw") { Says = "of 24" },

        new("18-cache", "quantize net.onnx --cache own.cache -o q-own.onnx") { Says = "4 of 4 layers are int8" },
        .. new[] { "crlf", "minmax", "extra", "nospace" }.Select(name => new CaseCommand("18-cache", $"quantize net.onnx --cache {name}.cache -o q-{name}.onnx") { Says = "4 of 4 layers are int8", Equal = $"q-own.onnx q-{name}.onnx" }),
        new("18-cache", "quantize net.onnx --cache upper.cache -o x.onnx") { Exits = 1, Says = "no scale for tensor 'relu_2'" },
        new("18-cache", "quantize net.onnx --cache missing.cache -o x.onnx") { Exits = 1, Says = "no scale for tensor 'relu_2'" },
        new("18-cache", "quantize net.onnx --cache zero.cache -o x.onnx") { Exits = 1, Says = "line 7|'00000000' is the float 0" },
        new("18-cache", "quantize net.onnx --data npz:data.npz --samples 20 -o q.onnx --write-cache w.cache") { Says = "4 of 4 layers are int8", Equal = "own.cache w.cache" },

        new("19-prune-behind-transpose", "prune mlp/model.onnx -o s.onnx") { Says = "straight|turned|linear|gemm-identity|gemm-transB|1 of 5 layers are 2:4 sparse" },
        new("20-shared", "quantize net.onnx --data npz:data.npz --samples 40 -o int8.onnx") { Says = "9 of 9 layers are int8" },
        new("20-shared", "compare int8.onnx@literal int8.onnx@engine --data npz:data.npz --count 8 --identical"),
        new("20-shared", "prune net.onnx -o s.onnx") { Says = "3 of 6 layers are 2:4 sparse|shares its weight with 'm1'|shares its weight with 'm2'" },
        new("21-tiny", "quantize net.onnx --data npz:data.npz --samples 40 -o int8.onnx") { Says = "6 of 6 layers are int8|'relu_13' is zero on the whole calibration set" },
        new("21-tiny", "compare int8.onnx@literal int8.onnx@engine --data npz:data.npz --count 8 --identical"),
        new("22-nan", "quantize net.onnx --data npz:nan.npz --samples 20 -o q.onnx") { Exits = 1, Says = "'x'|NaN|batch 1" },
        new("22-nan", "quantize inf.onnx --data npz:data.npz --samples 20 -o q.onnx") { Exits = 1, Says = "'log_5'" },
        new("22-nan", "eval inf.onnx --data npz:data.npz") { Exits = 1, Says = "NaN or infinite for all 20 images" },

        new("24-large-fc", "quantize relu-fc.onnx --data npz:data.npz --samples 8 --activations uint8 -o q.onnx") { Says = "sums 76800 products|0 of 1 layers" },
        new("24-large-fc", "eval q.onnx --data npz:data.npz") { Says = "of 8" },
        new("24-large-fc", "build q.onnx --no-timing -o q.plan") { Says = "q.plan" },
        new("24-large-fc", "quantize float.onnx --data npz:data.npz --samples 8 -o q8.onnx") { Says = "1 of 1 layers are int8" },
        new("24-large-fc", "eval q8.onnx --data npz:data.npz") { Says = "of 8" },
        new("25-signatures", "eval one-logit.onnx --data npz:two.npz") { Exits = 1, Says = "1 output|2 classes" },
        new("25-signatures", "quantize one-logit.onnx --data npz:two.npz --samples 20 -o q1.onnx") { Says = "4 of 4 layers are int8" },
        new("25-signatures", "quantize two-inputs.onnx --data npz:data.npz --samples 20 -o q2.onnx") { Exits = 1, Says = "one input" },
        new("25-signatures", "eval argmax.onnx --data npz:data.npz") { Exits = 1, Says = "not an image classifier" },
        new("25-signatures", "eval nhwc.onnx --data npz:u8.npz") { Says = "20.00% (4 of 20" },
        new("25-signatures", "quantize nhwc.onnx --data npz:u8.npz --samples 20 -o q3.onnx") { Says = "3 of 3 layers are int8" },

        .. new[] { "gemm-left", "gemm-left-fixed", "matmul-left", "matmul-left-3d", "qdq-left" }.Select(name => new CaseCommand("26-constant-left", $"bench {name}/model.onnx --duration 0.01 --warm-up 0") { Says = "median" }),
        .. new[] { "i8-neg", "u8-nozp-neg", "u8-nozp-pos", "u8-zp0-neg", "u8-zp128-neg" }.Select(name => new CaseCommand("30-negative-bn-behind-qdq-weight", $"compare {name}/model.onnx --min-snr 100") { Says = "batchnormalization" }),
        .. new[] { "float", "int", "qdq" }.SelectMany(kind => new[] { "nan", "tiny", "zero" }.Select(gamma => new CaseCommand("33-vanishing-bn", $"build {kind}-gamma-{gamma}/model.onnx --no-timing -o {kind}-{gamma}.plan") { Says = ".plan: " })),
        new("36-png-rows", "eval net.onnx --data imagefolder:set") { Says = "of 8" },
        new("36-png-rows", "quantize net.onnx --data imagefolder:set --samples 8 -o q.onnx") { Says = "3 of 3 layers are int8" },
        .. new[] { "double-cast", "double-io", "fp16-cast", "fp16-io" }.Select(name => new CaseCommand("40-half-double", $"quantize {name}/model.onnx -o q.onnx --data procedural:count=64 --samples 32") { Exits = 1, Says = "3x8x8|3x32x32|works in float32" }),
        .. new[] { "fp16-cast-q", "fp16-q" }.Select(name => new CaseCommand("40-half-double", $"quantize {name}/model.onnx -o q.onnx --data procedural:count=64 --samples 32") { Exits = 1, Says = "quantized already" }),
        .. new[] { "double-cast", "double-io", "fp16-cast", "fp16-cast-q", "fp16-io", "fp16-q" }.SelectMany(name => new CaseCommand[]
        {
            new("40-half-double", $"compare {name}/model.onnx --min-snr 40"),
            new("40-half-double", $"bench {name}/model.onnx --duration 0 --warm-up 0 --iterations 1") { Says = "median" },
        }),
        new("41-image-size", "quantize net299.onnx --data imagefolder:set --samples 8 -o q.onnx") { Exits = 1, Says = "3x299x299|3x224x224" },
        new("41-image-size", "quantize big.onnx --data procedural:count=64 --samples 32 -o q.onnx") { Exits = 1, Says = "3x224x224|3x32x32" },
        new("41-image-size", "quantize rgb16.onnx --data procedural:count=64 --samples 32 -o q.onnx") { Exits = 1, Says = "3x16x16|3x32x32" },
        new("41-image-size", "eval net299.onnx --data imagefolder:set") { Exits = 1, Says = "3x299x299|3x224x224" },
        new("41-image-size", "qat rgb16.onnx --data procedural:count=64 --samples 32 -o q.onnx") { Exits = 1, Says = "3x16x16|3x32x32" },
        new("41-image-size", "finetune rgb16.onnx --data procedural:count=256 -o q.onnx") { Exits = 1, Says = "3x16x16|3x32x32" },
        new("41-image-size", "compare rgb16.onnx --data procedural:count=4") { Exits = 1, Says = "3x16x16|3x32x32" },

        new("42-verb-order", "quantize net.onnx --data procedural:count=256 --samples 64 -o q.onnx") { Says = "3 of 3 layers are int8" },
        new("42-verb-order", "prune net.onnx -o p.onnx") { Says = "1 of 2 layers are 2:4 sparse" },
        new("42-verb-order", "bytes net.onnx --preprocess cifar10 -o b.onnx") { Says = "u8[N,3,32,32]" },
        new("42-verb-order", "build net.onnx --no-timing -o net.plan"),
        .. new[] { "quantize", "qat", "finetune" }.Select(verb => new CaseCommand("42-verb-order", $"{verb} q.onnx --data procedural:count=256 -o x.onnx") { Exits = 1, Says = "quantized already" }),
        new("42-verb-order", "prune q.onnx -o x.onnx") { Exits = 1, Says = "Prune before quantizing" },
        new("42-verb-order", "bytes b.onnx --preprocess cifar10 -o x.onnx") { Exits = 1, Says = "takes bytes already" },
        new("42-verb-order", "quantize b.onnx --data procedural:count=256 --samples 64 -o qb.onnx") { Says = "3 of 3 layers are int8" },
        new("42-verb-order", "quantize p.onnx --data procedural:count=256 --samples 64 -o qp.onnx") { Says = "3 of 3 layers are int8" },
        new("42-verb-order", "prune p.onnx -o pp.onnx") { Equal = "p.onnx pp.onnx" },
        .. new[] { "prune net.onnx", "build net.onnx", "bytes net.onnx --preprocess cifar10", "quantize net.onnx --data procedural:count=256", "qat net.onnx --data procedural:count=256", "finetune net.onnx --data procedural:count=256" }.Select(line => new CaseCommand("42-verb-order", $"{line} -o net.onnx") { Exits = 2, Says = "--output is the input" }),
        .. new[] { "build net.plan -o x.plan", "prune net.plan -o x.onnx", "bytes net.plan --preprocess cifar10 -o x.onnx", "quantize net.plan --data procedural:count=256 -o x.onnx", "finetune net.plan --data procedural:count=256 -o x.onnx" }.Select(line => new CaseCommand("42-verb-order", line) { Exits = 1, Says = "not an ONNX model" }),
        new("44-untrained-parameters", "finetune decoder.onnx --data procedural:count=512 --epochs 1 -o t.onnx") { SaysNot = "Not trained" },
        new("44-untrained-parameters", "prune decoder.onnx -o p.onnx") { Says = "3 of 4 layers are 2:4 sparse" },
        new("44-untrained-parameters", "finetune p.onnx --data procedural:count=512 --epochs 1 -o tp.onnx") { SaysNot = "Not trained" },
        new("44-untrained-parameters", "info tp.onnx") { Says = "3 2:4 sparse" },
    ];
}
