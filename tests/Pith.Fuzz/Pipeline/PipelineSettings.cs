using CsCheck;

namespace Pith.Fuzz.Pipeline;

/// <summary>What a random classifier sees, and how it is compressed.</summary>
/// <param name="Channels">Channels of the images.</param>
/// <param name="Height">Their height.</param>
/// <param name="Width">Their width.</param>
/// <param name="Classes">Number of classes.</param>
/// <param name="Pruning">How it is pruned.</param>
/// <param name="Quantization">How it is quantized.</param>
/// <param name="Training">How it is trained.</param>
/// <param name="Network">Threads, batches and seed.</param>
internal sealed record PipelineSettings(int Channels, int Height, int Width, int Classes, PruningSettings Pruning, QuantizationSettings Quantization, TrainingSettings Training, Differential.NetworkSettings Network)
{
    private static readonly Gen<PruningSettings> s_pruning =
        from pattern in Gen.OneOf(SparsityPattern.All.ToArray())
        from order in Gen.OneOf(ChannelOrder.Auto, ChannelOrder.Search, ChannelOrder.Keep)
        from rule in Gen.OneOf(SparsityRule.Pattern, SparsityRule.Pattern, SparsityRule.Asp)
        from seed in Gen.Int[0, 9]
        select new PruningSettings { Pattern = pattern, ChannelOrder = order, Rule = rule, ChannelSeed = seed };

    private static readonly Gen<QuantizationSettings> s_quantization =
        from calibrator in Gen.OneOf("auto", "max", "mse", "entropy", "percentile:99.9", "percentile:100", "percentile:90")
        from samples in Gen.Int[1, 9]
        from target in Gen.OneOf(TargetCatalog.All.ToArray())
        from form in Gen.OneOf<ActivationForm?>(null, null, ActivationForm.Int8, ActivationForm.UInt8, ActivationForm.Symmetric)
        from reduced in Gen.Int[0, 4]
        from perChannel in Gen.Bool
        from edges in Gen.Int[0, 7]
        from exact in Gen.Int[0, 3]
        select new QuantizationSettings
        {
            Calibrator = CalibratorCatalog.Parse(calibrator), Samples = samples, Target = target, Activations = form, ReduceRange = reduced == 0, PerChannel = perChannel, FirstLayerInFloat = edges == 1, LastLayerInFloat = edges is 1 or 2, ExactScales = exact == 0,
        };

    private static readonly Gen<TrainingSettings> s_training =
        from optimizer in Gen.OneOf<OptimizerSettings>(new SgdSettings(), new AdamWSettings())
        from schedule in Gen.OneOf<Schedule>(new ConstantSchedule(), new CosineSchedule())
        from batch in Gen.Int[2, 5]
        from flip in Gen.Bool
        from crop in Gen.Int[0, 2]
        from smoothing in Gen.OneOf(0, 0.1)
        from clip in Gen.OneOf<double?>(null, 1)
        from freeze in Gen.OneOf(0, 0.5, 1)
        select new TrainingSettings
        {
            Epochs = 1, BatchSize = batch, LearningRate = 0.001, Optimizer = optimizer, Schedule = schedule, Flip = flip, CropPadding = crop, LabelSmoothing = smoothing, ClipNorm = clip, FreezeNormAfter = freeze,
        };

    public static Gen<PipelineSettings> Any { get; } =
        from channels in Gen.OneOf(1, 3)
        from height in Gen.Int[5, 17]
        from width in Gen.Int[5, 17]
        from classes in Gen.Int[2, 11]
        from pruning in s_pruning
        from quantization in s_quantization
        from training in s_training
        from network in Differential.NetworkSettings.Any
        select new PipelineSettings(channels, height, width, classes, pruning, quantization, training, network with { Input = Differential.InputKind.Image, Numbers = Differential.NumberKind.Real, Symbolic = true });
}
