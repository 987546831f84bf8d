using System.Text;
using Pith.Compression.Data;

namespace Pith.Fuzz.Hostile;

/// <summary>Recipes, settings and caches.</summary>
internal static class TextTargets
{
    private static readonly byte[][] s_recipes =
    [
        """
        {
          "name": "r", "model": { "builder": "cifar_resnet8", "seed": 3, "width": 4 }, "data": { "train": "procedural:seed=1,count=8", "validation": "procedural:seed=2", "test": "procedural:seed=3?range=0..9" },
          "benchmark": { "batches": [1, 8], "seconds": 0.5 },
          "steps": [
            { "step": "train", "name": "dense", "epochs": 5, "optimizer": { "weight_decay": 0.01 }, "schedule": { "kind": "warm_up", "epochs": 0.5, "then": { "kind": "step", "epochs": [3] } } },
            { "step": "prune", "name": "sparse", "rule": "pattern", "exclude": ["fc*", "/conv.+/"] },
            { "step": "finetune", "name": "student", "from": "initial", "teacher": "dense", "validation": "keep_best", "report": false, },
            { "step": "quantize", "name": "int8", "samples": 8, "calibrator": "percentile:99.9", "keep_float_types": ["Gemm"] }
          ],
        }
        """u8.ToArray(),
        """{ "name": "q", "model": { "file": "net.onnx" }, "data": { "train": "cifar10:x" }, "steps": [ { "step": "qat", "name": "qat", "epochs": 1, "optimizer": { "kind": "adam_w" } } ] }"""u8.ToArray(),
    ];

    private static readonly byte[] s_cache = Encoding.ASCII.GetBytes("TRT-8601-EntropyCalibration2\nx: 3c010a14\nlayer1/conv:out: 3d4ccccd\nname: with: colons: 3f800000\n");

    private static readonly byte[] s_timings = """{ "format": "pith-timing-cache-1", "seconds": { "x64-avx2-1t reference conv f32>f32 n1": 0.25, "b": 1e-6 } }"""u8.ToArray();

    public static IReadOnlyList<HostileTarget> All { get; } =
    [
        new("recipe", HostileTarget.OneOf(s_recipes), bytes => _ = Recipe.Parse(Encoding.UTF8.GetString(bytes), "recipe")),
        Settings("pruning settings", new PruningSettings { Include = ["a*", "/b+/"], ExcludeOpTypes = ["Gemm"] }, _ => { }),
        Settings("quantization settings", new QuantizationSettings { KeepFloat = ["/c(d|e)*/"], KeepFloatTypes = ["Conv"] }, settings => settings.Check()),
        Settings("training settings", new TrainingSettings { ClipNorm = 1, Teacher = "t" }, settings => settings.Check()),
        new("preprocessing", _ => Encoding.UTF8.GetBytes(Preprocessing.ImageNet.ToJson()), bytes => _ = Preprocessing.FromJson(Encoding.UTF8.GetString(bytes))),
        new("calibration cache", _ => s_cache, bytes => _ = CalibrationCache.Parse(Encoding.UTF8.GetString(bytes), "cache")),
        HostileTarget.OfFile("timing cache", ".json", _ => s_timings, path => _ = TimingCache.Load(path)),
        new("data selection", _ => "procedural:seed=1,count=100?range=5..50&every=3"u8.ToArray(), bytes => _ = DatasetCatalog.Open(OnlyBuiltIn(Encoding.UTF8.GetString(bytes)))),
    ];

    private static HostileTarget Settings<T>(string name, T valid, Action<T> check) where T : class =>
        new(name, _ => Encoding.UTF8.GetBytes(SettingsJson.Write(valid).ToJsonString()), bytes => check(SettingsJson.Read(SettingsJson.Parse(Encoding.UTF8.GetString(bytes), name), valid, name)));

    // Folders of this machine are not part of the test.
    private static string OnlyBuiltIn(string specification) => specification.StartsWith("procedural", StringComparison.Ordinal) ? specification : "procedural:" + specification;
}
