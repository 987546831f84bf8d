using Pith.Compression.Data;
using Pith.Ops;

namespace Pith.Cli.Tests;

/// <summary><c>pith infer</c>: tensors from files in, tensors to files out.</summary>
public sealed class InferTests : IDisposable
{
    private static readonly string[] s_runners = ["--engine", "--reference", "--interpreter"];
    private readonly TemporaryFolder _folder = new();
    private readonly string _model;

    /// <summary>A network of two inputs of different types and two outputs: sum = a + float(b), and b itself doubled.</summary>
    public InferTests()
    {
        var graph = new Graph("two");
        var a = graph.AddInput("a", TensorType.Float32(Dim.Named("N"), 3));
        var b = graph.AddInput("b=s/:x", new TensorType(DataType.Int64, ValueList.Create<Dim>([Dim.Named("N"), 3])));
        var real = graph.AddNode(new Cast(DataType.Float32), [b]).Output;
        graph.AddOutput(graph.AddNode(new Add(), [a, real], "sum", ["sum"]).Output);
        graph.AddOutput(graph.AddNode(new Add(), [b, b], "twice", ["twice:0"]).Output);
        OnnxModel.Save(graph, _model = _folder.File("two.onnx"));
    }

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Every_runner_gives_all_outputs_at_the_batch_of_the_data()
    {
        var (a, b) = Inputs(2);
        Npy.Write(_folder.File("a.npy"), a);
        OnnxTensor.Save(_folder.File("b.pb"), b);
        foreach (var runner in s_runners)
        {
            var result = PithCommand.Run("infer", _model, runner, "--input", "a=" + _folder.File("a.npy"), "b=s/:x=" + _folder.File("b.pb"), "-o", _folder.File("out.npz"), "--json").Ends(0).Json;
            Assert.Equal(runner[2..], result.GetProperty("runner").GetString());
            Assert.Equal(["sum", "twice:0"], result.GetProperty("outputs").EnumerateArray().Select(output => output.GetProperty("name").GetString()));
            Assert.Equal([1f, 3, 5, 7, 9, 11], Npz.Read(_folder.File("out.npz"), "sum").As<float>().Data);
            Assert.Equal(new Shape(2, 3), Npz.Read(_folder.File("out.npz"), "twice:0").Shape);
            Assert.Equal([2L, 4, 6, 8, 10, 12], Npz.Read(_folder.File("out.npz"), "twice:0").As<long>().Data);
        }
    }

    [Fact]
    public void An_archive_feeds_inputs_by_name_and_a_folder_gets_a_file_for_each_output()
    {
        var (a, b) = Inputs(3);
        Npz.Write(_folder.File("in.npz"), [new("b=s/:x", b), new("a", a)]);
        var result = PithCommand.Run("infer", _model, "--input", _folder.File("in.npz"), "-o", _folder.File("out")).Ends(0);
        Assert.Contains("not finite", result.Output, StringComparison.Ordinal);
        Assert.Equal(new Shape(3, 3), Npy.Read(Path.Combine(_folder.File("out"), "sum.npy")).Shape);
        Assert.Equal(new Shape(3, 3), Npy.Read(Path.Combine(_folder.File("out"), "twice_0.npy")).Shape);
    }

    [Fact]
    public void A_folder_of_test_data_feeds_inputs_in_order()
    {
        var (a, b) = Inputs(1);
        Directory.CreateDirectory(_folder.File("set"));
        OnnxTensor.Save(_folder.File("set/input_0.pb"), a);
        OnnxTensor.Save(_folder.File("set/input_1.pb"), b);
        PithCommand.Run("infer", _model, "--input", _folder.File("set")).Ends(0);
        OnnxTensor.Save(_folder.File("set/input_2.pb"), b);
        Assert.Contains("3 files input_*.pb", PithCommand.Run("infer", _model, "--input", _folder.File("set")).Refuses(2).Error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_plan_runs_the_batches_that_it_was_built_for()
    {
        PithCommand.Run("build", _model, "--batch", "2", "--no-timing", "-o", _folder.File("two.plan")).Ends(0);
        foreach (var batch in (int[])[1, 2])
        {
            Write(batch);
            var shape = PithCommand.Run("infer", _folder.File("two.plan"), "--input", _folder.File("in.npz"), "--json").Ends(0).Json.GetProperty("outputs")[0].GetProperty("shape");
            Assert.Equal([batch, 3], shape.EnumerateArray().Select(size => size.GetInt32()));
        }
        Write(3);
        Assert.Contains("--batch 3", PithCommand.Run("infer", _folder.File("two.plan"), "--input", _folder.File("in.npz")).Refuses(1).Error, StringComparison.Ordinal);

        void Write(int batch) => Npz.Write(_folder.File("in.npz"), [new("a", Inputs(batch).A), new("b=s/:x", Inputs(batch).B)]);
    }

    [Fact]
    public void A_plan_takes_an_input_that_is_as_long_as_its_largest_batch_and_does_not_grow_with_it()
    {
        var graph = new Graph("table");
        var x = graph.AddInput("x", TensorType.Float32(Dim.Named("images"), 3));
        var table = graph.AddInput("table", TensorType.Float32(8, 3));
        graph.AddOutput(graph.AddNode(new Add(), [x, graph.AddNode(new ReduceSum([0], false), [table]).Output], "sum", ["y"]).Output);
        OnnxModel.Save(graph, _folder.File("table.onnx"));
        PithCommand.Run("build", _folder.File("table.onnx"), "--batch", "8", "--no-timing", "-o", _folder.File("table.plan")).Ends(0);
        Npz.Write(_folder.File("in.npz"), [new("x", Inputs(2).A), new("table", Inputs(8).A)]);
        PithCommand.Run("infer", _folder.File("table.plan"), "--input", _folder.File("in.npz"), "-o", _folder.File("out.npz")).Ends(0);
        Assert.Equal([84f, 93, 102, 87, 96, 105], Npz.Read(_folder.File("out.npz"), "y").As<float>().Data);
    }

    [Fact]
    public void Missing_unknown_and_repeated_inputs_are_named()
    {
        var (a, b) = Inputs(1);
        Npy.Write(_folder.File("a.npy"), a);
        Npy.Write(_folder.File("b.npy"), b);
        Assert.Contains("No data for 'b=s/:x'. It takes: a f32[N,3], b=s/:x s64[N,3].", Refused(2, "a=" + _folder.File("a.npy")), StringComparison.Ordinal);
        Assert.Contains("has no input 'c'", Refused(2, "c=" + _folder.File("a.npy")), StringComparison.Ordinal);
        Assert.Contains("'a' is given twice", Refused(2, "a=" + _folder.File("a.npy"), "a=" + _folder.File("a.npy")), StringComparison.Ordinal);
        Assert.Contains("for which input?", Refused(2, _folder.File("a.npy")), StringComparison.Ordinal);
        Assert.Contains("There is no file", Refused(1, "a=" + _folder.File("absent.npy"), "b=s/:x=" + _folder.File("b.npy")), StringComparison.Ordinal);
    }

    [Fact]
    public void Wrong_types_and_shapes_are_refused_and_leave_no_output()
    {
        var (a, b) = Inputs(2);
        foreach (var (first, second, said) in ((Tensor, Tensor, string)[])[(a.ConvertTo(DataType.Float64), b, "expected f32[N,3], got f64[2,3]"), (Tensor.Zeros<float>(new Shape(2, 4)), b, "Dimension 1 must be 3"), (a.Reshape(new Shape(6)), b, "2 dimensions"), (a, Inputs(1).B, "'N' is 2 in input 'a'")])
        {
            Npz.Write(_folder.File("in.npz"), [new("a", first), new("b=s/:x", second)]);
            foreach (var runner in s_runners) Assert.Contains(said, PithCommand.Run("infer", _model, runner, "--input", _folder.File("in.npz"), "-o", _folder.File("never")).Refuses(1).Error.ReplaceLineEndings(" "), StringComparison.Ordinal);
            Assert.False(Directory.Exists(_folder.File("never")));
        }
    }

    [Fact]
    public void Elements_that_are_not_finite_are_counted_apart()
    {
        Npz.Write(_folder.File("in.npz"), [new("a", Tensor.Create(new Shape(1, 3), [float.NaN, float.PositiveInfinity, 1])), new("b=s/:x", Inputs(1).B)]);
        var output = PithCommand.Run("infer", _model, "--input", _folder.File("in.npz"), "--json").Ends(0).Json.GetProperty("outputs")[0];
        Assert.Equal(2, output.GetProperty("non_finite").GetInt32());
        Assert.Equal(4, output.GetProperty("mean").GetDouble());
    }

    [Fact]
    public void A_larger_engine_gives_the_same_and_a_smaller_one_is_refused()
    {
        Npz.Write(_folder.File("in.npz"), [new("a", Inputs(2).A), new("b=s/:x", Inputs(2).B)]);
        PithCommand.Run("infer", _model, "--input", _folder.File("in.npz"), "--batch", "8").Ends(0);
        Npy.Write(_folder.File("a.npy"), Inputs(2).A);
        Npy.Write(_folder.File("b.npy"), Inputs(2).B);
        PithCommand.Run("infer", _model, "--input", "a=" + _folder.File("a.npy"), "--input", "b=s/:x=" + _folder.File("b.npy"), "--batch", "8").Ends(0);
        Assert.Contains("batch of 2", PithCommand.Run("infer", _model, "--input", _folder.File("in.npz"), "--batch", "1").Refuses(2).Error, StringComparison.Ordinal);
    }

    private string Refused(int exitCode, params string[] inputs) => PithCommand.Run(["infer", _model, .. inputs.SelectMany(input => (string[])["--input", input])]).Refuses(exitCode).Error.ReplaceLineEndings(" ");

    private static (Tensor<float> A, Tensor<long> B) Inputs(int batch)
    {
        var (a, b) = (Tensor.Zeros<float>(new Shape(batch, 3)), Tensor.Zeros<long>(new Shape(batch, 3)));
        for (var i = 0; i < a.Length; i++) (a.Data[i], b.Data[i]) = (i, i + 1);
        return (a, b);
    }
}
