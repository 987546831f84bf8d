using Pith.Compression.Data;
using Pith.Compression.Evaluation;
using Pith.Ops;

namespace Pith.Compression.Tests.Data;

/// <summary>Archives with an array for each input of a network, and what networks take of them.</summary>
public class NamedInputsTests
{
    private const int Samples = 6, Tokens = 4;

    [Fact]
    public void Arrays_are_fed_by_name_whatever_their_order_and_what_the_network_does_not_take_is_left_out()
    {
        var network = Network(("ids", DataType.Int64, [Tokens]), ("mask", DataType.Bool, [Tokens]), ("pair", DataType.Float32, [2, 3]), ("row", DataType.Int32, []));
        var dataset = NpzDataset.Create([new("row", Integers()), new("pair", Floats(2, 3)), new("unused", Floats(7)), new("mask", Bits(Tokens)), new("ids", Integers(Tokens))], labels: null, "named");
        Assert.False(dataset.HasLabels);
        var inputs = INetworkInputs.Of(network);
        var batches = inputs.Load("net", dataset, Preprocessing.Raw, new BatchLoaderOptions { BatchSize = 4, Augmentation = Augmentation.Cifar }).Epoch().Select(batch => inputs.ToTensors(batch.ImagesInUse)).ToArray();
        Assert.Equal([4, 2], batches.Select(batch => batch.Count));
        Assert.Equal(["ids", "mask", "pair", "row"], batches[0].Inputs.Select(input => input.Name));
        Tensor[] want = [Integers(Tokens), Bits(Tokens), Floats(2, 3), Integers().ConvertTo(DataType.Int32)];
        for (var i = 0; i < want.Length; i++)
        {
            Assert.Equal(want[i].DataType, batches[0].Inputs[i].Tensor.DataType);
            Assert.Equal(want[i].Shape.With(0, 4), batches[0].Inputs[i].Tensor.Shape);
            Assert.Equal(want[i].Bytes.ToArray(), batches.SelectMany(batch => batch.Inputs[i].Tensor.Bytes.ToArray()).ToArray());
        }
        var some = InputBatch.Gather(batches, [5, 0]);
        Assert.Equal(((Tensor<long>)want[0]).Data[^Tokens..].Concat(((Tensor<long>)want[0]).Data[..Tokens]), some.Inputs[0].Tensor.As<long>().Data);
    }

    [Theory]
    [InlineData("attention_mask", "does not guess which token is padding")]
    [InlineData("token_type_ids", "zeros of the shape of the token ids")]
    [InlineData("scores", "Name arrays after the inputs")]
    public void A_missing_input_is_an_error_that_says_what_belongs_there(string missing, string advice)
    {
        var network = Network(("input_ids", DataType.Int64, [Tokens]), (missing, DataType.Int64, [Tokens]));
        var message = Error(network, NpzDataset.Create([new("input_ids", Integers(Tokens)), new("other", Integers(Tokens))], null, "data"));
        Assert.Contains($"'{missing}' s64[N,{Tokens}]", message, StringComparison.Ordinal);
        Assert.Contains("it has input_ids, other", message, StringComparison.Ordinal);
        Assert.Contains(advice, message, StringComparison.Ordinal);
        Assert.Contains("npz:FILE with input_ids", Error(network, NpzDataset.Create([new("input_ids", Integers(Tokens))], null, "sequences")), StringComparison.Ordinal);
        Assert.Contains("has images", Error(network, DatasetCatalog.Open("procedural:count=4")), StringComparison.Ordinal);
    }

    [Fact]
    public void Lengths_and_values_that_the_network_does_not_take_are_refused()
    {
        var network = Network(("ids", DataType.Int64, [5]), ("mask", DataType.Bool, [Tokens]));
        Assert.Contains("Pad or cut the data to 5 tokens", Error(network, NpzDataset.Create([new("ids", Integers(Tokens)), new("mask", Bits(Tokens))], null, "data")), StringComparison.Ordinal);
        network = Network(("ids", DataType.Int64, [Dim.Named("length")]), ("mask", DataType.Bool, [Dim.Named("length")]));
        Assert.Contains($"--size length={Tokens}", Error(network, NpzDataset.Create([new("ids", Integers(Tokens)), new("mask", Bits(Tokens))], null, "data")), StringComparison.Ordinal);
        network = Network(("ids", DataType.Int64, [Tokens]), ("mask", DataType.Bool, [Tokens]));
        Assert.Contains("'mask' is bool", Error(network, NpzDataset.Create([new("ids", Integers(Tokens)), new("mask", Integers(Tokens))], null, "data")), StringComparison.Ordinal);
        Assert.Contains("'ids' is s64; the data has 0.5", Error(network, NpzDataset.Create([new("ids", Floats(Tokens)), new("mask", Bits(Tokens))], null, "data")), StringComparison.Ordinal);
    }

    [Fact]
    public void Samples_go_along_the_first_axis_of_each_input_or_not_at_all()
    {
        var graph = new Graph("net");
        var (x, scale) = (graph.AddInput("x", TensorType.Float32(Dim.Named("N"), 2)), graph.AddInput("scale", TensorType.Float32()));
        graph.AddOutput(graph.Add(new Mul(), x, scale));
        Assert.Contains("'scale' has none", Assert.Throws<PithException>(() => INetworkInputs.Of(graph)).Message, StringComparison.Ordinal);
        graph = new Graph("net");
        graph.AddOutput(graph.Add(new Add(), graph.AddInput("x", TensorType.Float32(4, 2)), graph.AddInput("y", TensorType.Float32(1, 2))));
        Assert.Contains("the same batch; 'y' has 1, 'x' has 4", Assert.Throws<PithException>(() => INetworkInputs.Of(graph)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Arrays_of_different_lengths_and_samples_of_different_inputs_are_refused()
    {
        Assert.Contains("'b' is f32[2,3]", Assert.Throws<PithException>(() => NpzDataset.Create([new("a", Floats(3)), new("b", Tensor.Zeros<float>(new Shape(2, 3)))], null, "data")).Message, StringComparison.Ordinal);
        Assert.Contains("expected integers below 16777216", Assert.Throws<PithException>(() => NpzDataset.Create([new("a", Tensor.Vector(1L << 40))], null, "data")).Message, StringComparison.Ordinal);
        var network = Network(("a", DataType.Float32, [2]), ("b", DataType.Float32, [1]));
        SampleInput[] inputs = [new("a", new Shape(2)), new("b", new Shape(1))], others = [new("a", new Shape(1)), new("b", new Shape(2))];
        var dataset = new SampleDataset([Sample.OfInputs(0, inputs, new float[3]), Sample.OfInputs(0, others, new float[3])]);
        Assert.Contains("sample 1 holds a [1], b [2], sample 0 a [2], b [1]", Error(network, dataset), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(3)]
    public void A_network_of_rows_of_numbers_is_evaluated_with_open_and_fixed_batch(int fixedBatch)
    {
        var graph = new Graph("rows");
        var x = graph.AddInput("x", TensorType.Float32(fixedBatch > 0 ? Dim.Of(fixedBatch) : Dim.Named("N"), 3));
        graph.AddOutput(graph.Add(new Gemm(), x, graph.AddConstant("w", Tensor.Create(new Shape(3, 3), new float[] { 1, 0, 0, 0, 1, 0, 0, 0, 1 }))));
        var rows = Tensor.Create(new Shape(4, 3), new float[] { 9, 1, 2, 1, 9, 2, 1, 2, 9, 9, 2, 1 });
        var data = NpzDataset.Create([new("features", rows)], Tensor.Vector<long>(0, 1, 2, 1), "rows");
        Assert.Equal(0.75, Evaluator.Run(graph, data, Preprocessing.Raw, new EvaluationOptions { Batch = 3, Threads = 1 }).Top1);
    }

    private static string Error(Graph network, ImageDataset dataset) => Assert.Throws<PithException>(() =>
    {
        var inputs = INetworkInputs.Of(network);
        foreach (var batch in inputs.Load("net", dataset, Preprocessing.Raw, new BatchLoaderOptions()).Epoch()) inputs.ToTensors(batch.ImagesInUse);
    }).Message;

    private static Graph Network(params (string Name, DataType Type, Dim[] Sizes)[] inputs)
    {
        var graph = new Graph("net");
        foreach (var (name, type, sizes) in inputs) graph.AddOutput(graph.Add(new Identity(), graph.AddInput(name, new TensorType(type, [Dim.Named("N"), .. sizes]))));
        return graph;
    }

    private static Tensor<long> Integers(params int[] sizes) => Filled(sizes, i => (long)(i * 7 % 50));

    private static Tensor<float> Floats(params int[] sizes) => Filled(sizes, i => i + 0.5f);

    private static Tensor<bool> Bits(params int[] sizes) => Filled(sizes, i => i % 3 == 0);

    private static Tensor<T> Filled<T>(int[] sizes, Func<int, T> value) where T : unmanaged
    {
        var shape = new Shape([Samples, .. sizes]);
        return Tensor.Create(shape, [.. Enumerable.Range(0, shape.Length).Select(value)]);
    }
}
