
namespace Pith.Cli.Verbs;

/// <summary>The options of the verbs that quantize.</summary>
internal static class QuantizationOptionsOfVerbs
{
    public static IReadOnlyList<SettingOption> All() =>
    [
        SettingOption.Text("--calibrator", "calibrator", $"How activation ranges are chosen: {string.Join(", ", CalibratorCatalog.All.Select(calibrator => calibrator.Name))}; percentile:99.9 sets its parameter."),
        SettingOption.Count("--samples", "samples", "Number of calibration images, drawn from the training data."),
        SettingOption.Count("--calibration-seed", "calibration_seed", "Random seed that selects the calibration images."),
        SettingOption.Text("--target", "target", $"The runtime that the network is for: {string.Join("; ", TargetCatalog.All.Select(target => $"{target.Name} ({target.Help})"))}. Default: {TargetCatalog.Default.Name}. Pith runs the files of all targets in INT8."),
        SettingOption.Text("--activations", "activations", "Form of activations, instead of the target's: int8 (symmetric), uint8 (with zero points) or symmetric (int8, uint8 where no value is negative).", "form"),
        SettingOption.Flag("--reduce-range", "reduce_range", "7-bit weights, for runtimes on CPUs with AVX2 but without VNNI, whose 16-bit sums saturate with 8-bit weights. Pith does not need it."),
        SettingOption.Flag("--per-tensor-weights", "per_channel", "One weight scale per tensor instead of per output channel; qat then folds batch norm before it trains.", value: false),
        SettingOption.Texts("--keep-float", "keep_float", "Layers that stay in float: a name, a glob, or a regular expression between slashes."),
        SettingOption.Texts("--keep-float-type", "keep_float_types", "Op types that stay in float.", "type"),
        SettingOption.Texts("--only", "only", "Quantize only these layers."),
        SettingOption.Flag("--first-layer-float", "first_layer_in_float", "Keep the first layer with weights in float."),
        SettingOption.Flag("--last-layer-float", "last_layer_in_float", "Keep the last layer with weights in float."),
        SettingOption.Flag("--exact-scales", "exact_scales", "Keep scales at full precision instead of four significant bits; results of other runtimes then differ from the engine's in the last step."),
    ];
}
