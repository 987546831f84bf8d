using Pith.Compression.Data;
using Pith.Models;

namespace Pith.Compression.Tests.Recipes;

/// <summary>What a model's metadata say of how it was made.</summary>
public sealed class ProvenanceTests : IDisposable
{
    private const string Train = "procedural:seed=1,count=48";
    private static readonly Graph s_start = ModelCatalog.Find("cifar-resnet8").Build(new ModelOptions { Seed = 3 });
    private static readonly QuantizationSettings s_settings = new() { Samples = 16 };

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_built_in_network_says_how_its_weights_came_about()
    {
        var graph = new ModelSource { Builder = "cifar-resnet8", Seed = 5 }.Open(null);
        var entry = Assert.Single(Provenance.Of(graph.Metadata));
        Assert.Equal(("models", ModelHash.Of(graph)), (entry.Step, entry.Model));
        Assert.Equal("""{"builder":"cifar-resnet8","seed":5,"classes":10}""", entry.Settings.ToJsonString());
    }

    [Fact]
    public void Every_step_adds_what_it_was_made_from()
    {
        var pruned = new PruneStep(new PruningSettings()).Run(s_start, Context(Train)).Graph;
        var training = TrainingSettings.FineTune with { Epochs = 1, BatchSize = 16, Seed = 7, Validation = ValidationMode.KeepBest, Teacher = "/somewhere/dense.onnx" };
        var tuned = new FineTuneStep(training).Run(pruned, Context(Train) with { ValidationData = DatasetCatalog.Open("procedural:seed=2,count=16"), FindModel = _ => s_start }).Graph;
        var int8 = new QuantizeStep(s_settings) { PostTraining = new() { Effort = QuantizationEffort.Fast } }.Run(tuned, Context(Train)).Graph;

        var entries = Provenance.Of(OnnxModel.Load(OnnxModel.ToBytes(int8)).Metadata);
        Assert.Equal(["prune", "finetune", "quantize"], entries.Select(entry => entry.Step));
        Assert.Equal([ModelHash.Of(s_start), ModelHash.Of(pruned), ModelHash.Of(tuned)], entries.Select(entry => entry.Model));
        Assert.All(entries, entry => Assert.Equal(PithVersion.Text, entry.Pith));
        Assert.All(entries, entry => Assert.Null(entry.Machine));
        Assert.Equal([null, Train, Train], entries.Select(entry => entry.Data?.Spec));
        Assert.Equal((48, 16), (entries[1].Data!.Samples, entries[1].Validation!.Samples));
        Assert.Equal([null, ModelHash.Of(s_start), null], entries.Select(entry => entry.Teacher));
        Assert.Equal("dense.onnx", (string)entries[1].Settings["teacher"]!);
        Assert.Equal((7, 16), ((int)entries[1].Settings["seed"]!, (int)entries[2].Settings["samples"]!));
    }

    [Fact]
    public void Equal_inputs_give_equal_bytes_and_another_seed_or_dataset_another_record()
    {
        byte[] Quantize(QuantizationSettings settings, string data, QuantizationEffort effort = QuantizationEffort.Fast) =>
            OnnxModel.ToBytes(new QuantizeStep(settings) { PostTraining = new() { Effort = effort } }.Run(s_start, Context(data)).Graph);
        Assert.Equal(Quantize(s_settings, Train, QuantizationEffort.Balanced), Quantize(s_settings, Train, QuantizationEffort.Balanced));
        var record = Record(Quantize(s_settings, Train));
        Assert.NotEqual(record, Record(Quantize(s_settings with { CalibrationSeed = 5 }, Train)));
        Assert.NotEqual(record, Record(Quantize(s_settings, "procedural:seed=2,count=48")));
        Assert.NotEqual(record, Record(Quantize(s_settings with { Calibrator = new MaxCalibrator() }, Train)));
        static string Record(byte[] file) => OnnxModel.Load(file).Metadata[Provenance.MetadataKey];
    }

    [Fact]
    public void A_model_has_the_same_hash_before_and_after_it_was_saved()
    {
        var int8 = new QuantizeStep(s_settings).Run(s_start, Context(Train)).Graph;
        foreach (var graph in (Graph[])[s_start, int8]) Assert.Equal(ModelHash.Of(graph), ModelHash.Of(OnnxModel.Load(OnnxModel.ToBytes(graph))));
    }

    [Fact]
    public void Data_is_named_by_its_content_wherever_it_lies()
    {
        foreach (var (place, shade) in ((string, byte)[])[("here/images", 10), ("there/deeper/images", 10), ("other/images", 20)])
        {
            Directory.CreateDirectory(Path.GetDirectoryName(_folder.File(place))!);
            Npz.Write(_folder.File($"{place}.npz"), Arrays(shade));
        }
        DataContent Of(string place) => DataContent.Of(DatasetCatalog.Open($"npz:{_folder.File(place)}.npz?every=2"));
        Assert.Equal(Of("here/images"), Of("there/deeper/images"));
        Assert.Equal("npz:images.npz?every=2", Of("here/images").Spec);
        Assert.NotEqual(Of("here/images").Content, Of("other/images").Content);
        static IEnumerable<KeyValuePair<string, Tensor>> Arrays(byte shade) =>
        [
            KeyValuePair.Create<string, Tensor>("images", Tensor.Create(new Shape(4, 2, 2, 3), Enumerable.Range(0, 48).Select(i => (byte)(i + shade)).ToArray())),
            KeyValuePair.Create<string, Tensor>("labels", Tensor.Create(new Shape(4), new long[] { 0, 1, 0, 1 })),
        ];
    }

    [Fact]
    public void Scales_from_a_cache_name_the_cache_instead_of_data()
    {
        var calibrated = new QuantizeStep(s_settings).Run(s_start, Context(Train));
        var cached = new QuantizeStep(s_settings).Run(s_start, Context(Train) with { TrainingData = null, Cache = calibrated.Cache }).Graph;
        var entry = Assert.Single(Provenance.Of(cached.Metadata));
        Assert.Null(entry.Data);
        Assert.Equal(64, entry.Cache!.Length);
    }

    [Fact]
    public void A_damaged_record_is_refused_when_read_and_left_out_with_a_warning_when_a_step_goes_on()
    {
        var graph = s_start.Clone();
        graph.Metadata[Provenance.MetadataKey] = "[{\"step\": 3}]";
        Assert.Contains(Provenance.MetadataKey, Assert.Throws<PithException>(() => Provenance.Of(graph.Metadata)).Message, StringComparison.Ordinal);
        var events = new List<PithEvent>();
        var pruned = new PruneStep(new PruningSettings()).Run(graph, Context(Train) with { Events = new Listener(events) }).Graph;
        Assert.Single(Provenance.Of(pruned.Metadata));
        Assert.Contains(events.OfType<Warning>(), warning => warning.Message.Contains("left out", StringComparison.Ordinal));
    }

    private static StepContext Context(string data) => new() { Stage = "step", TrainingData = DatasetCatalog.Open(data), Threads = 1 };

    private sealed class Listener(List<PithEvent> events) : IProgress<PithEvent>
    {
        public void Report(PithEvent value) => events.Add(value);
    }
}
