using Pith.Compression.Data;
using Pith.Models;
using Pith.Ops;
using Pith.Passes;

namespace Pith.Compression.Tests.Evaluation;

/// <summary>Does a diagnosis find what was done to a network?</summary>
public class DiagnosisTests
{
    private static readonly ImageDataset s_images = DatasetCatalog.Open("procedural:seed=3,count=32");
    private static readonly Graph s_float = ModelCatalog.Find("cifar-resnet8").Build(new ModelOptions { Seed = 5 });
    private static readonly Graph s_int8 = Quantize(new QuantizationSettings { Samples = 32 });

    [Fact]
    public void A_sound_network_follows_its_float_form_and_engine_and_simulator_have_the_same_bits()
    {
        var diagnosis = Diagnose(s_int8, s_float);
        Assert.InRange(Diagnosis.Decibels(diagnosis.Error), 15, 80);
        Assert.Equal(diagnosis.WeightLayers, diagnosis.MatchedLayers);
        Assert.InRange(diagnosis.ErrorOfFloatForm!.Value, 0, 1e-9);
        Assert.InRange(diagnosis.ErrorOfWeights, 1e-9, diagnosis.Error * 2);
        Assert.InRange(diagnosis.ErrorOfActivations, 1e-9, diagnosis.Error * 2);
        Assert.Contains(diagnosis.Tensors, tensor => tensor.Compared > 0);
        Assert.All(diagnosis.Tensors, tensor => Assert.Equal(0, tensor.Different));
        Assert.All(diagnosis.Tensors, tensor => Assert.InRange(tensor.Saturated, 0, 0.01));
        Assert.Contains(diagnosis.Findings, finding => finding.Rule == "engine" && finding.Message.Contains("agree to the last bit", StringComparison.Ordinal));
        Assert.True(diagnosis.IsComplete);
        Assert.All(diagnosis.Layers, layer => Assert.True(layer is { ErrorAlone: >= 0, ErrorWithout: >= 0, Share: >= 0, Gain: <= 1 }, layer.Name));
        Assert.Equal(1, diagnosis.Layers.Sum(layer => layer.Share!.Value), 1e-9);
        // The input is rounded before anything else is: the simulator has no error yet.
        Assert.Equal(double.PositiveInfinity, diagnosis.Tensors[0].Simulator!.SnrDecibels);
    }

    [Fact]
    public void The_layer_with_a_scale_that_is_too_coarse_is_the_costliest_and_named_as_the_one_to_keep_in_float()
    {
        var (spoiled, layer, tensor) = Spoil(scale => scale * 32);
        var diagnosis = Diagnose(spoiled, s_float);
        var costliest = diagnosis.Layers.MaxBy(entry => entry.Gain)!;
        Assert.Equal(layer, costliest.Name);
        Assert.Equal(layer, diagnosis.Layers.MaxBy(entry => entry.Share)!.Name);
        Assert.Contains(tensor, costliest.Tensors);
        Assert.InRange(costliest.Gain!.Value, 0.5, 1);
        Assert.Contains(diagnosis.Findings, finding => finding.Rule == "layers" && finding.Next!.Contains($"--keep-float {layer}", StringComparison.Ordinal));
        Assert.Equal(layer, diagnosis.FloatLayers[0].Layers[0]);
        Assert.Equal(costliest.ErrorWithout!.Value, diagnosis.FloatLayers[0].Error, 1e-12);
        Assert.True(diagnosis.Tensors.Single(entry => entry.Name == tensor).Channels!.FewLevels > 0);
    }

    [Fact]
    public void A_range_that_clips_is_reported_with_its_tensor()
    {
        var (spoiled, _, tensor) = Spoil(scale => scale / 16);
        var diagnosis = Diagnose(spoiled, s_float);
        var clipped = diagnosis.Tensors.Single(entry => entry.Name == tensor);
        Assert.True(clipped.Saturated > 0.01, $"{clipped.Saturated}");
        Assert.True(clipped.High < clipped.Max);
        Assert.Contains(diagnosis.Findings, finding => finding.Rule == "saturation" && finding.Message.Contains($"'{tensor}'", StringComparison.Ordinal));
    }

    [Fact]
    public void Without_the_float_model_the_rounding_of_weights_is_not_seen_and_that_is_said()
    {
        var diagnosis = Diagnose(s_int8, null);
        Assert.False(diagnosis.HasFloatModel);
        Assert.Null(diagnosis.ErrorOfFloatForm);
        Assert.Equal(0, diagnosis.ErrorOfWeights);
        Assert.All(diagnosis.Layers, layer => Assert.Null(layer.Weight?.Error));
        Assert.Contains(diagnosis.Findings, finding => finding.Rule == "float_model" && finding.Next!.Contains("--float", StringComparison.Ordinal));
    }

    [Fact]
    public void Weights_that_were_changed_by_more_than_rounding_are_not_mixed_with_the_float_model()
    {
        var other = s_float.Clone();
        var weight = WeightOperand.Of(other.Nodes.First(node => node.Op is Conv))!.Constant;
        other.SetConstant(weight, Tensor.Create(weight.Constant!.Shape, Array.ConvertAll(weight.Constant.As<float>().Data, w => w * 1.5f)));
        var diagnosis = Diagnose(s_int8, other);
        Assert.Equal(diagnosis.WeightLayers - 1, diagnosis.MatchedLayers);
        Assert.True(diagnosis.ErrorOfFloatForm > 1e-4);
        Assert.Equal(2, diagnosis.Findings.Count(finding => finding.Rule == "float_model"));
    }

    [Fact]
    public void Equalized_layers_are_matched_by_the_factors_that_the_network_records()
    {
        var settings = new QuantizationSettings { Samples = 32 };
        var simple = s_float.Clone();
        PassRunner.RunToFixpoint(simple, Pipelines.Simplify);
        var units = EqualizationUnit.Find(simple, QdqPlacement.Find(simple, settings), []);
        Assert.NotEmpty(units);
        var scaled = ChannelEqualization.With(simple, settings, [.. units.Select(unit => Enumerable.Range(0, unit.Size).Select(channel => double.Exp2(channel % 5 - 2)).ToArray())]);
        var int8 = Quantize(settings, OnnxModel.Load(OnnxModel.ToBytes(scaled)));
        var diagnosis = Diagnose(int8, s_float);
        Assert.Equal(diagnosis.WeightLayers, diagnosis.MatchedLayers);
        Assert.InRange(diagnosis.ErrorOfFloatForm!.Value, 0, 1e-9);
        // Without the record, or with one that is damaged or another network's, they stay unmatched.
        foreach (var record in (string?[])[null, "[", "[{\"value\":\"nowhere\",\"axis\":1,\"factors\":\"AACAPw==\"}]"])
        {
            var other = int8.Clone();
            other.Metadata.Remove(EqualizationRecord.MetadataKey);
            if (record is not null) other.Metadata[EqualizationRecord.MetadataKey] = record;
            Assert.True(Diagnose(other, s_float).MatchedLayers < diagnosis.WeightLayers);
        }
    }

    [Fact]
    public void Rounded_and_reconstructed_weights_match_and_equalized_or_other_ones_do_not()
    {
        const float Step = 1 / 64f;
        var exact = Samples.Gaussian(1, 32 * 16 * 9, 0.5);
        var noise = Samples.Gaussian(2, exact.Length, 0.05);
        Assert.True(Matches((w, _) => MathF.Round(w / Step) * Step), "rounded");
        Assert.True(Matches((w, i) => MathF.Round((w + noise[i]) / Step) * Step), "reconstructed");
        Assert.True(Matches((w, i) => (i % 2 == 0 ? MathF.Ceiling(w / Step) : MathF.Floor(w / Step)) * Step), "rounded up or down");
        Assert.False(Matches((w, i) => w * (1 + 0.5f * (i / (16 * 9) % 3))), "output channels by factors");
        Assert.False(Matches((w, i) => w * (1 + 0.5f * (i / 9 % 16 % 3))), "input channels by factors");
        Assert.False(Matches((w, _) => w * 1.3f), "one factor");
        Assert.False(Matches((_, i) => exact[(i + 5) % exact.Length]), "another one");

        bool Matches(Func<float, int, float> change)
        {
            var shape = new Shape(32, 16, 3, 3);
            return WeightMatch.IsRounded(Tensor.Create(shape, exact), Tensor.Create(shape, exact.Select(change).ToArray()), Tensor.Create(shape, Enumerable.Repeat(Step, exact.Length).ToArray()), [0, 1]);
        }
    }

    [Fact]
    public void Weights_with_one_scale_for_all_channels_are_named()
    {
        var graph = s_float.Clone();
        var weight = WeightOperand.Of(graph.Nodes.First(node => node.Op is Conv))!.Constant;
        var uneven = weight.Constant!.As<float>().Clone();
        var channel = uneven.Length / weight.Constant!.Shape[0];
        for (var i = 0; i < channel; i++) uneven.Data[i] *= 100;
        graph.SetConstant(weight, uneven);
        var diagnosis = Diagnose(Quantize(new QuantizationSettings { Samples = 32, PerChannel = false }, graph), graph);
        Assert.All(diagnosis.Layers.Where(layer => layer.Weight is not null), layer => Assert.True(layer.Weight!.OneScale));
        Assert.Contains(diagnosis.Findings, finding => finding.Rule == "weights" && finding.Next!.Contains("--per-tensor-weights", StringComparison.Ordinal));
        Assert.All(Diagnose(s_int8, s_float).Layers.Where(layer => layer.Weight is not null), layer => Assert.False(layer.Weight!.OneScale));
    }

    [Fact]
    public void A_diagnosis_that_is_stopped_while_layers_are_measured_returns_what_it_has()
    {
        using var stop = new CancellationTokenSource();
        var events = new Stop(stop, "measure layers", 5);
        var diagnosis = NetworkDiagnosis.Run(s_int8, s_float, s_images, Preprocessing.Cifar10, new DiagnosisOptions { Samples = 4, Threads = 1, Events = events, Cancellation = stop.Token });
        Assert.False(diagnosis.IsComplete);
        Assert.Equal(2, diagnosis.Layers.Count(layer => layer.Gain is not null));
        Assert.Contains(diagnosis.Findings, finding => finding.Message.StartsWith("Stopped: 2 of", StringComparison.Ordinal));
        Assert.Throws<OperationCanceledException>(() => NetworkDiagnosis.Run(s_int8, s_float, s_images, Preprocessing.Cifar10, new DiagnosisOptions { Samples = 4, Threads = 1, Cancellation = stop.Token }));
    }

    [Fact]
    public void Networks_that_do_not_belong_together_or_have_no_pairs_are_refused()
    {
        Assert.Contains("nothing quantized", Assert.Throws<PithException>(() => Diagnose(s_float, null)).Message, StringComparison.Ordinal);
        Assert.Contains("quantized already", Assert.Throws<PithException>(() => Diagnose(s_int8, s_int8)).Message, StringComparison.Ordinal);
        var other = ModelCatalog.Find("cifar-resnet8").Build(new ModelOptions { Classes = 7 });
        Assert.Contains("Give the model that it was quantized from", Assert.Throws<PithException>(() => Diagnose(s_int8, other)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Channels_count_their_levels_and_dead_ones_apart()
    {
        // Steps of 0.5: the channels reach 100, 4 and 0 steps; 64 is one step beyond the end, 80 is clipped.
        var trace = new TensorTrace(new ActivationPair("x", "x/quantized", 0.5f, 0, -128, 127));
        trace.Add(Tensor.Create(new Shape(2, 3, 1, 2), new float[] { 50, -1, 2, 0, 0, 0, 64, 80, -1, 1, 0, 0 }), null, null, null);
        var diagnosis = trace.ToDiagnosis();
        Assert.Equal((3, 1, 1), (diagnosis.Channels!.Count, diagnosis.Channels.Dead, diagnosis.Channels.FewLevels));
        Assert.Equal([new ChannelLevels(1, 4), new ChannelLevels(0, 160)], diagnosis.Channels.Narrowest);
        Assert.Equal(1 / 12.0, diagnosis.Saturated, 1e-12);
        Assert.Equal((-1, 80, -64, 63.5), (diagnosis.Min, diagnosis.Max, diagnosis.Low, diagnosis.High));
        Assert.Equal(12, diagnosis.Histogram.Counts.Sum());
    }

    private static Diagnosis Diagnose(Graph quantized, Graph? floatModel) =>
        NetworkDiagnosis.Run(quantized, floatModel, s_images, Preprocessing.Cifar10, new DiagnosisOptions { Samples = 8, Threads = 1 });

    private static Graph Quantize(QuantizationSettings settings, Graph? graph = null) =>
        new QuantizeStep(settings) { PostTraining = new() { Effort = QuantizationEffort.Fast } }.Apply(graph ?? s_float, new StepContext { Stage = "quantize", TrainingData = s_images, Threads = 1 }).Graph;

    // Changes the scale of one activation that only one layer in the middle of the network reads.
    private static (Graph Graph, string Layer, string Tensor) Spoil(Func<float, float> change)
    {
        var graph = s_int8.Clone();
        var layer = new QdqNetwork(graph, null).Layers.Where(layer => layer.OpType == "Conv").ElementAt(2);
        var tensor = graph.Find(layer.Activations.Single().Tensor)!;
        var pair = tensor.Uses.Single(use => use.Node.Op is QuantizeLinear).Node;
        Assert.Single(pair.Output.Uses.Single().Node.Output.Uses);
        graph.SetConstant(pair.Inputs[1]!, Tensor.Scalar(change(pair.Inputs[1]!.Constant!.As<float>().Span[0])));
        return (graph, layer.Name, tensor.Name);
    }

    private sealed class Stop(CancellationTokenSource source, string task, int done) : IProgress<PithEvent>
    {
        public void Report(PithEvent value)
        {
            if (value is ProgressMade progress && progress.Task == task && progress.Done >= done) source.Cancel();
        }
    }
}
