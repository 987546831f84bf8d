using Pith.Ops;
using Pith.Passes;
using Pith.Tests.Gradients;
using Pith.Training;

namespace Pith.Tests.Training;

/// <summary>Which constants are trained, and what is said of the others.</summary>
public class TrainingParametersTests
{
    private static readonly Dim s_batch = Dim.Named("N");

    [Fact]
    public void A_decoder_with_tokens_tables_and_factors_is_trained_as_a_whole()
    {
        var (graph, x) = Images();
        x = graph.AddNode(new ConvTranspose { Window = new() { Strides = [2, 2] } }, [x, Weights(graph, "up.w", 2, 3, 2, 2), Weights(graph, "up.b", 3)], "up").Output;
        x = graph.Add(new PRelu(), x, Weights(graph, "slopes", 3, 1, 1));
        x = graph.Add(new Add(), Weights(graph, "position", 1, 3, 8, 8), x);
        x = graph.Add(new InstanceNormalization(), x, Weights(graph, "in.scale", 3), Weights(graph, "in.bias", 3));
        x = graph.Add(new Mul(), x, Weights(graph, "layer_scale", 3, 1, 1));
        x = graph.Add(new Sub(), x, Weights(graph, "shift", 3, 1, 1));
        x = graph.Add(new Reshape(), x, graph.AddConstant("tokens_shape", Tensor.Vector(0L, 3L, 64L)));
        // A class token for each image: its shape comes from the images, its values do not.
        var batch = graph.Add(new Gather(), graph.Add(new ShapeOf(), x), graph.AddConstant("zero", Tensor.Vector(0L)));
        var shape = graph.Add(new Concat(0), batch, graph.AddConstant("rest", Tensor.Vector(1L, 64L)));
        var token = graph.Add(new Expand(), Weights(graph, "class_token", 1, 1, 64), shape);
        x = graph.Add(new Concat(1), token, x);
        x = graph.Add(new LayerNormalization(), x, Weights(graph, "ln.scale", 64), Weights(graph, "ln.bias", 64));
        x = graph.Add(new MatMul(), x, Weights(graph, "head.w", 64, 5));
        Classify(graph, graph.Add(new Add(), x, Weights(graph, "head.b", 5)));

        var training = TrainingGraph.Build(graph, new());
        Assert.Equal(
            [
                ("up.w", ParameterKind.Weight), ("up.b", ParameterKind.Bias), ("slopes", ParameterKind.Factor), ("position", ParameterKind.Table), ("in.scale", ParameterKind.NormScale), ("in.bias", ParameterKind.NormBias),
                ("layer_scale", ParameterKind.Factor), ("shift", ParameterKind.Table), ("class_token", ParameterKind.Table), ("ln.scale", ParameterKind.NormScale), ("ln.bias", ParameterKind.NormBias),
                ("head.w", ParameterKind.Weight), ("head.b", ParameterKind.Bias),
            ],
            training.Parameters.Select(parameter => (parameter.Name, parameter.Kind)));
        Assert.Empty(training.Untrained);
        CheckGradients(training, Batch());
    }

    [Fact]
    public void Preprocessing_single_numbers_masks_and_bounds_stay_and_are_named()
    {
        var (graph, x) = Images();
        x = graph.Add(new Div(), graph.Add(new Sub(), x, Weights(graph, "mean", 2, 1, 1)), graph.AddConstant("std", Tensor.Create(new Shape(2, 1, 1), [0.5f, 0.25f])));
        x = graph.AddNode(new Conv(), [x, Weights(graph, "w", 4, 2, 1, 1)], "conv").Output;
        x = graph.Add(new Mul(), x, graph.AddConstant("half", Tensor.Scalar(0.5f)));
        x = graph.Add(new Reshape(), x, graph.AddConstant("shape", Tensor.Vector(0L, 4L, 16L)));
        x = graph.Add(new Add(), x, graph.AddConstant("window_mask", Tensor.Create(new Shape(1, 4, 1), [0f, -100f, 0f, 0f])));
        x = graph.Add(new Softmax { Axis = 1 }, graph.Add(new Add(), x, graph.AddConstant("causal", Tensor.Create(new Shape(4, 1), [0f, 0f, 0f, float.NegativeInfinity]))));
        x = graph.Add(new Mul(), x, graph.AddConstant("drop", Tensor.Create(new Shape(4, 1), [1f, 0f, 1f, 1f])));
        x = graph.Add(new Max(), x, Weights(graph, "floor", 4, 1));
        Classify(graph, x);
        // A second output that the loss does not see.
        graph.AddOutput(graph.Add(new Mul(), x, Weights(graph, "other_head", 4, 1)));

        var training = TrainingGraph.Build(graph, new());
        Assert.Equal(["w"], training.Parameters.Select(parameter => parameter.Name));
        Assert.Equal(
            [
                ("mean", "it stands before the first layer (preprocessing)"), ("std", "it is operand 1 of Div"), ("half", "it is a single number"), ("window_mask", "it looks like a mask"), ("causal", "it looks like a mask"),
                ("drop", "it looks like a mask"), ("floor", "it is operand 1 of Max"), ("other_head", "the first output does not depend on it"),
            ],
            training.Untrained.Select(constant => (constant.Name, constant.Why)));
    }

    [Fact]
    public void What_constants_are_computed_with_and_masks_behind_other_ops_are_not_trained()
    {
        var (graph, x) = Images();
        var weight = graph.Add(new Mul(), Weights(graph, "w", 2, 2, 1, 1), graph.AddConstant("gain", Tensor.Scalar(0.5f)));
        x = graph.Add(new Reshape(), graph.Add(new Conv(), x, weight), graph.AddConstant("shape", Tensor.Vector(0L, 2L, 16L)));
        var size = graph.Add(new ShapeOf(), x);
        x = graph.Add(new Add(), x, graph.Add(new Expand(), graph.AddConstant("mask", Tensor.Create(new Shape(1, 2, 1), [0f, -1e9f])), size));
        Classify(graph, graph.Add(new Mul(), x, graph.Add(new Expand(), graph.AddConstant("half", Tensor.Scalar(0.5f)), size)));
        var training = TrainingGraph.Build(graph, new());
        Assert.Equal(["w"], training.Parameters.Select(parameter => parameter.Name));
        Assert.Equal([("mask", "it looks like a mask"), ("half", "it is a single number")], training.Untrained.Select(constant => (constant.Name, constant.Why)));
    }

    public static TheoryData<string> Views() => ["Transpose", "Reshape", "Unsqueeze", "Identity", "Cast", "Slice", "Gather", "Concat", "Flatten", "Mul"];

    [Theory]
    [MemberData(nameof(Views))]
    public void A_weight_is_trained_through_what_computes_it(string view)
    {
        var (graph, x) = Images();
        x = graph.Add(new GlobalAveragePool(), x);
        x = graph.Add(new Reshape(), x, graph.AddConstant("rows", Tensor.Vector(0L, 2L)));
        Value Indices(params long[] values) => graph.AddConstant("indices", Tensor.Vector(values));
        var weight = view switch // [2, 3]
        {
            "Transpose" => graph.Add(new Transpose(), Weights(graph, "w", 3, 2)),
            "Reshape" => graph.Add(new Reshape(), Weights(graph, "w", 6), Indices(2, 3)),
            "Unsqueeze" => graph.Add(new Squeeze([0]), graph.Add(new Unsqueeze([0]), Weights(graph, "w", 2, 3))),
            "Identity" => graph.Add(new Identity(), Weights(graph, "w", 2, 3)),
            "Cast" => graph.Add(new Cast(DataType.Float32), graph.Add(new Cast(DataType.Float64), Weights(graph, "w", 2, 3))),
            "Slice" => graph.Add(new Slice(), Weights(graph, "w", 4, 3), Indices(1), Indices(3), Indices(0)),
            "Gather" => graph.Add(new Gather(), Weights(graph, "w", 2, 3), Indices(1, 1)),
            "Concat" => graph.Add(new Concat(0), Weights(graph, "w", 1, 3), Weights(graph, "w2", 1, 3)),
            "Flatten" => graph.Add(new Flatten(), Weights(graph, "w", 2, 3, 1)),
            _ => graph.Add(new Mul(), Weights(graph, "w", 2, 3), Weights(graph, "gain", 1, 3)),
        };
        graph.AddOutput(graph.Add(new MatMul(), x, weight));
        var training = TrainingGraph.Build(graph, new());
        Assert.Equal("w", training.Parameters[0].Name);
        CheckGradients(training, Batch());
        // Simplified for training it computes the same gradients, at times of a folded weight.
        PassRunner.RunToFixpoint(graph, Pipelines.SimplifyKeepingBatchNorm);
        CheckGradients(TrainingGraph.Build(graph, new()), Batch());
    }

    [Fact]
    public void Gradients_of_a_weight_that_two_layers_share_are_added()
    {
        var (graph, x) = Images();
        var weight = Weights(graph, "w", 2, 2, 1, 1);
        x = graph.Add(new Conv(), graph.Add(new Relu(), graph.Add(new Conv(), x, weight)), weight);
        Classify(graph, graph.Add(new Reshape(), x, graph.AddConstant("shape", Tensor.Vector(0L, 2L, 16L))));
        var training = TrainingGraph.Build(graph, new());
        Assert.Equal(["w"], training.Parameters.Select(parameter => parameter.Name));
        CheckGradients(training, Batch());
    }

    [Fact]
    public void A_table_that_is_an_embedding_and_transposed_the_head_stays_one_parameter()
    {
        var graph = new Graph("tied");
        var tokens = graph.AddInput("tokens", new TensorType(DataType.Int64, [s_batch, 3]));
        var table = Weights(graph, "table", 5, 4);
        var embedded = graph.Add(new ReduceMean([1], KeepDims: false), graph.Add(new Gather(), table, tokens));
        graph.AddOutput(graph.Add(new MatMul(), embedded, graph.Add(new Transpose(), table)));
        PassRunner.RunToFixpoint(graph, Pipelines.SimplifyKeepingBatchNorm);
        var training = TrainingGraph.Build(graph, new());
        Assert.Equal([("table", ParameterKind.Table)], training.Parameters.Select(parameter => (parameter.Name, parameter.Kind)));
        CheckGradients(training, Tensor.Create(new Shape(2, 3), new long[] { 0, 4, 4, 2, 1, 0 }));
    }

    [Fact]
    public void Batch_norms_that_an_exporter_gave_one_vector_are_trained_apart()
    {
        var (graph, x) = Images();
        // New batch norms: scale and variance are ones, bias and mean zeros, and equal tensors are stored once. So are the zeros that are a bias.
        var (ones, zeros) = (graph.AddConstant("ones", Tensor.Vector(1f, 1f)), graph.AddConstant("zeros", Tensor.Vector(0f, 0f)));
        for (var i = 0; i < 2; i++)
        {
            x = graph.AddNode(new Conv(), [x, Weights(graph, $"w{i}", 2, 2, 1, 1), zeros], $"conv{i}").Output;
            x = graph.Add(new Relu(), graph.AddNode(new BatchNormalization(), [x, ones, zeros, zeros, ones], $"bn{i}").Output);
        }
        Classify(graph, graph.Add(new Reshape(), x, graph.AddConstant("shape", Tensor.Vector(0L, 2L, 16L))));

        var training = TrainingGraph.Build(graph, new());
        Assert.Equal(2 * 4, training.Parameters.Count);
        Assert.Equal(4, training.Statistics.SelectMany(norm => new[] { norm.MeanName, norm.VarianceName }).Distinct().Count());
        var names = training.Parameters.Select(parameter => parameter.Name).Concat(training.Statistics.SelectMany(norm => new[] { norm.MeanName, norm.VarianceName })).ToArray();
        Assert.Equal(names.Length, names.Distinct().Count());
        Assert.NotSame(graph, training.Inference);

        // What is written back reaches one batch norm only.
        var name = training.Statistics[1].VarianceName;
        var written = TrainingGraph.WriteBack(training.Inference, new Dictionary<string, Tensor> { [name] = Tensor.Vector(4f, 4f) });
        var norms = written.Nodes.Where(node => node.Op is BatchNormalization).ToArray();
        Assert.Equal([4f, 4f], norms[1].Inputs[4]!.Constant!.As<float>().Data);
        Assert.Equal([1f, 1f], norms[0].Inputs[4]!.Constant!.As<float>().Data);
        Assert.Equal([1f, 1f], norms[1].Inputs[1]!.Constant!.As<float>().Data);
    }

    [Fact]
    public void A_layer_that_is_applied_twice_keeps_one_weight_and_one_bias()
    {
        var (graph, x) = Images();
        var (weight, bias, other) = (Weights(graph, "w", 2, 2, 1, 1), Weights(graph, "b", 2), Weights(graph, "w2", 2, 2, 1, 1));
        foreach (var w in new[] { weight, weight, other }) x = graph.Add(new Conv(), x, w, bias);
        Classify(graph, graph.Add(new Reshape(), x, graph.AddConstant("shape", Tensor.Vector(0L, 2L, 16L))));
        var own = TrainingGraph.WithOwnParameters(graph);
        var biases = own.Nodes.Where(node => node.Op is Conv).Select(node => node.Inputs[2]!).ToArray();
        Assert.Same(biases[0], biases[1]);
        Assert.NotSame(biases[0], biases[2]);
        Assert.Same(own, TrainingGraph.WithOwnParameters(own));
    }

    [Fact]
    public void Simplifying_for_training_does_not_turn_a_repeated_table_into_parameters_of_their_own()
    {
        var (graph, x) = Images();
        x = graph.Add(new Reshape(), graph.Add(new Conv(), x, Weights(graph, "w", 2, 2, 1, 1)), graph.AddConstant("shape", Tensor.Vector(0L, 2L, 16L)));
        // A bias for each relative position, of which there are fewer than places.
        var bias = graph.Add(new Gather(1), Weights(graph, "relative", 1, 3), graph.AddConstant("index", Tensor.Create(new Shape(16), Enumerable.Range(0, 16).Select(i => (long)i % 3).ToArray())));
        Classify(graph, graph.Add(new Add(), x, bias));
        PassRunner.RunToFixpoint(graph, Pipelines.SimplifyKeepingBatchNorm);
        var training = TrainingGraph.Build(graph, new());
        Assert.Contains(training.Parameters, parameter => parameter is { Name: "relative", Kind: ParameterKind.Table });
        CheckGradients(training, Batch());
    }

    [Fact]
    public void An_op_without_a_gradient_between_a_parameter_and_the_loss_is_named()
    {
        var (graph, x) = Images();
        x = graph.AddNode(new Round(), [graph.Add(new Conv(), x, Weights(graph, "w", 2, 2, 1, 1))], "steps").Output;
        Classify(graph, graph.Add(new Reshape(), x, graph.AddConstant("shape", Tensor.Vector(0L, 2L, 16L))));
        var message = Assert.Throws<PithException>(() => TrainingGraph.Build(graph, new())).Message;
        Assert.Contains("Round 'steps'", message);
        Assert.Contains("no gradient", message);
    }

    private static (Graph Graph, Value Images) Images()
    {
        var graph = new Graph("g");
        return (graph, graph.AddInput("x", TensorType.Float32(s_batch, 2, 4, 4)));
    }

    private static Tensor<float> Batch() => GradientCheck.Random(4, new Shape(3, 2, 4, 4));

    private static Value Weights(Graph graph, string name, params int[] dims) =>
        graph.AddConstant(name, GradientCheck.Random(name.Aggregate(7, (hash, c) => hash * 31 + c), new Shape(dims), 0.1, 0.9));

    /// <summary>[N, T, K] to logits [N, K or T]: the mean over the last or second axis.</summary>
    private static void Classify(Graph graph, Value x) => graph.AddOutput(graph.Add(new ReduceMean([x.Type[2].Size > 8 ? 2 : 1], KeepDims: false), x));

    /// <summary>Each emitted gradient of the loss against central differences, at every element or at twelve of them.</summary>
    private static void CheckGradients(TrainingGraph training, Tensor images)
    {
        var classes = training.Logits.Type[1].Size;
        var labels = Tensor.Create(new Shape(images.Shape[0]), Enumerable.Range(0, images.Shape[0]).Select(i => i % classes).ToArray());
        var values = training.Parameters.Select(parameter => parameter.Initial).ToArray();
        var results = GraphInterpreter.Run(training.Graph, [images, labels, .. values]);
        for (var p = 0; p < values.Length; p++)
        {
            var gradient = results[2 + p].As<float>();
            for (var i = 0; i < gradient.Length; i += Math.Max(1, gradient.Length / 12))
            {
                const float Step = 2e-3f;
                var expected = (Loss(p, i, Step) - Loss(p, i, -Step)) / (2 * Step);
                Expect.That(Math.Abs(gradient.Data[i] - expected) < 2e-3 * (1 + Math.Abs(expected)), $"{training.Parameters[p].Name}[{i}]: the emitted gradient is {gradient.Data[i]}, the central difference {expected}\n{training.Graph}");
            }
        }

        double Loss(int parameter, int element, float by)
        {
            var moved = values.Select(value => value.Clone()).ToArray();
            moved[parameter].Data[element] += by;
            return GraphInterpreter.Run(training.Graph, [images, labels, .. moved])[0].As<float>().Data[0];
        }
    }
}
