using Pith.Compression.Compatibility;
using Pith.Ops;
using Pith.Passes;

namespace Pith.Compression.Tests.Compatibility;

/// <summary>Each rule finds the graph that breaks it and names the node; what Pith quantizes for TensorRT breaks none.</summary>
public sealed class TensorRtRulesTests
{
    private static readonly RuntimeVersions s_everything = TensorRtCheck.KnownVersions;

    /// <summary>By rule: a network that breaks it, and the node that is to be named.</summary>
    private static readonly Dictionary<string, Func<(Graph Graph, OnnxFileContents? File, string Node)>> s_broken = new(StringComparer.Ordinal)
    {
        ["opset"] = () => (Quantized(), new OnnxFileContents(21, []), ""),
        ["operator"] = () => (Of(net => net.Node("act", new Gelu(), net.Input)), null, "act"),
        ["operator-form"] = () => (Of(net => net.Node("pool", new MaxPool { Window = WindowAttributes.Uniform(3, dilation: 2) }, net.Input)), null, "pool"),
        ["qoperator"] = () => (Quantized(), new OnnxFileContents(17, [new("conv", "QLinearConv", "")]), "conv"),
        ["foreign-domain"] = () => (Quantized(), new OnnxFileContents(17, [new("fused", "FusedConv", "com.microsoft")]), "fused"),
        ["element-type"] = () => (Of(net => net.Node("narrow", new Cast(DataType.Int16), net.Input)), null, "narrow"),
        ["float64"] = () => (Of(net => net.Node("wide", new Cast(DataType.Float64), net.Input)), null, "wide"),
        ["quantized-type"] = () => (Quantized(new QuantizationSettings { Activations = ActivationForm.UInt8, Calibrator = new MaxCalibrator() }), null, "x/QuantizeLinear"),
        ["missing-zero-point"] = () => (Changed("x/QuantizeLinear", (graph, node) => graph.Remake(node, node.Op, [node.Inputs[0], node.Inputs[1]], follow: true)), null, "x/QuantizeLinear"),
        ["zero-point"] = () => (Changed("x/QuantizeLinear", (graph, node) => graph.ReplaceInput(node, 2, graph.AddConstant("z", Tensor.Scalar((sbyte)3)))), null, "x/QuantizeLinear"),
        ["scale-constant"] = () => (Changed("x/QuantizeLinear", (graph, node) => graph.ReplaceInput(node, 1, graph.Add(new ReduceMax { KeepDims = false, Axes = [0, 1, 2, 3] }, graph.Inputs[0]))), null, "x/QuantizeLinear"),
        ["scale-positive"] = () => (Changed("x/QuantizeLinear", (graph, node) => graph.ReplaceInput(node, 1, graph.AddConstant("s", Tensor.Scalar(0f)))), null, "x/QuantizeLinear"),
        ["scale-type"] = () => (Changed("x/QuantizeLinear", (graph, node) => graph.ReplaceInput(node, 1, graph.AddConstant("s", Tensor.Scalar((Half)0.1f)))), new OnnxFileContents(19, []), "x/QuantizeLinear"),
        ["activation-per-tensor"] = () => (Changed("x/QuantizeLinear", (graph, node) =>
            graph.Remake(node, node.Op, [node.Inputs[0], graph.AddConstant("s", Tensor.Vector(0.1f, 0.2f, 0.3f)), graph.AddConstant("z", Tensor.Vector<sbyte>(0, 0, 0))])), null, "x/QuantizeLinear"),
        ["weight-axis"] = () => (Changed("conv1a.weight/DequantizeLinear", (graph, node) => graph.Remake(node, new DequantizeLinear { Axis = 1 }, [.. node.Inputs])), null, "conv1a.weight/DequantizeLinear"),
        ["int8-blocks"] = () => (Changed("fc.weight/DequantizeLinear", (graph, node) =>
        {
            var scales = graph.AddConstant("s", Tensor.Create(new Shape(10, 2), Enumerable.Repeat(0.1f, 20).ToArray()));
            graph.Remake(node, new DequantizeLinear { Axis = 1, BlockSize = 16 }, [node.Inputs[0], scales, graph.AddConstant("z", Tensor.Zeros<sbyte>(new Shape(10, 2)))]);
        }), null, "fc.weight/DequantizeLinear"),
        ["float-bias"] = () => (Quantized(new QuantizationSettings { Target = TargetCatalog.Parse("onnxruntime"), Activations = ActivationForm.Int8, Calibrator = new MaxCalibrator() }), null, "conv0.bias/DequantizeLinear"),
        ["paired"] = () => (Of(net => net.Node("cast", new Cast(DataType.Float32), Pair(net, net.Input).Producer!.Inputs[0]!)), null, "q"),
        ["both-operands"] = () => (Changed("conv1a", (graph, node) => graph.ReplaceInput(node, 0, graph.Find("relu0:out"))), null, "conv1a"),
        ["residual-operand"] = () => (Changed("add1", (graph, node) => graph.ReplaceInput(node, 1, graph.Find("relu0:out"))), null, "add1"),
        ["pair-splits-fusion"] = () => (Changed("add1", (graph, node) => graph.ReplaceInput(node, 0, QdqPair.Insert(graph, node.Inputs[0]!, QuantizationParameters.Symmetric(0.1f)))), null, "add1"),
        ["concat-operands"] = () => (Of(net =>
        {
            var joined = net.Node("join", new Concat(1), Pair(net, net.Input), net.Relu("float", net.Input));
            return net.Conv("after", QdqPair.Insert(net.Graph, joined, QuantizationParameters.Symmetric(0.1f)), 8);
        }), null, "join"),
        ["repeated-pair"] = () => (Of(net => QdqPair.Insert(net.Graph, Pair(net, net.Input), QuantizationParameters.Symmetric(0.1f))), null, "q:dq/QuantizeLinear"),
        ["sparsity-axis"] = () => (Changed("conv1a", (graph, node) =>
        {
            // Two of each four output channels, which is the wrong axis.
            var weight = WeightOperand.Of(node)!.Constant;
            var elements = (Tensor<sbyte>)weight.Constant!.Clone();
            var channel = elements.Length / elements.Shape[0];
            for (var i = 0; i < elements.Length; i++) elements.Data[i] = i / channel % 4 < 2 ? (sbyte)0 : (sbyte)1;
            graph.SetConstant(weight, elements);
        }), null, "conv1a"),
    };

    public static TheoryData<string> Rules => [.. TensorRtRules.All.Select(rule => rule.Id)];

    [Theory, MemberData(nameof(Rules))]
    public void A_graph_that_breaks_a_rule_is_found_by_it(string rule)
    {
        var (graph, file, node) = s_broken[rule]();
        var violations = Check(graph, file).Where(violation => violation.Rule == rule).ToArray();
        Assert.Contains(violations, violation => violation.Node == node);
        Assert.All(violations, violation => Assert.True(violation is { Problem.Length: > 0, Fix.Length: > 0, Versions.Length: > 0 }));
    }

    [Theory]
    [InlineData("zero-point", "scale-positive", "weight-axis", "both-operands", "residual-operand", "pair-splits-fusion", "sparsity-axis", "opset", "float64")]
    public void Such_a_graph_breaks_no_other_rule(params string[] rules) => Assert.All(rules, rule =>
    {
        var (graph, file, _) = s_broken[rule]();
        Assert.Equal([rule], Check(graph, file, TensorRtCheck.AllVersions).Select(violation => violation.Rule).Distinct());
    });

    [Fact]
    public void What_is_quantized_for_TensorRT_keeps_all_rules()
    {
        Assert.Empty(Check(Quantized(), null, TensorRtCheck.AllVersions));
        Assert.Empty(Check(Quantized(new QuantizationSettings { Calibrator = new MaxCalibrator(), FirstLayerInFloat = true, LastLayerInFloat = true }), null, TensorRtCheck.AllVersions));
    }

    [Fact]
    public void Quantization_aware_training_form_keeps_all_rules()
    {
        // Weights are floats with a pair after them.
        var graph = TestNetwork.Residual();
        TestNetwork.Quantize(graph);
        Assert.Contains(graph.Nodes, node => node.Op is QuantizeLinear && node.Inputs[0]!.Constant is not null);
        Assert.Empty(Check(graph, null, TensorRtCheck.AllVersions));
    }

    [Theory]
    [InlineData("8.0-8.3", 13, 0)]
    [InlineData("8.0-8.3", 17, 1)]
    [InlineData("8.6", 17, 0)]
    [InlineData("8.6-11", 17, 0)]
    [InlineData("8.6", 19, 1)]
    [InlineData("9.0", 19, 0)]
    [InlineData("9.0", 20, 1)]
    [InlineData("10", 20, 0)]
    [InlineData("10", 21, 1)]
    [InlineData("11", 21, 0)]
    [InlineData("8.6", 8, 0)]
    [InlineData("11", 8, 1)]
    public void The_opset_is_judged_by_release(string versions, int opset, int violations)
    {
        Assert.Equal(violations, Check(Quantized(), new OnnxFileContents(opset, []), Releases(versions)).Count);
    }

    [Theory]
    [InlineData("Mod", "8.4", "8.5")]
    [InlineData("HardSwish", "8.2", "8.4")]
    [InlineData("CastLike", "9.0", "9.1")]
    [InlineData("Gelu", "9", "10.0")]
    public void An_op_is_an_error_before_the_release_that_has_it(string op, string before, string since)
    {
        Assert.Equal(["operator"], Rules(before));
        Assert.Empty(Rules(since));

        IEnumerable<string> Rules(string version) => Check(Quantized(), new OnnxFileContents(13, [new("node", op, "")]), Releases(version)).Select(violation => violation.Rule);
    }

    [Fact]
    public void A_function_of_the_file_is_an_error_before_9_only()
    {
        var file = new OnnxFileContents(17, [new("call", "Swish", "mine") { IsFunction = true }]);
        Assert.Equal(["foreign-domain"], Check(Quantized(), file, Releases("8.6")).Select(violation => violation.Rule));
        Assert.Empty(Check(Quantized(), file, Releases("9-11")));
    }

    [Theory]
    [InlineData(DataType.BFloat16, "8.6", "9")]
    [InlineData(DataType.UInt8, "8.4", "8.5")]
    public void An_element_type_is_an_error_before_the_release_that_has_it(DataType type, string before, string since)
    {
        var graph = new Graph();
        graph.AddOutput(graph.Add(new Cast(DataType.Float32), graph.AddInput("x", new TensorType(type, [1, 4]))));
        Assert.Equal(["element-type"], Check(graph, null, Releases(before)).Where(violation => violation.Severity == Severity.Error).Select(violation => violation.Rule));
        Assert.DoesNotContain(Check(graph, null, Releases(since)), violation => violation.Severity == Severity.Error);
    }

    [Fact]
    public void Before_9_a_pair_needs_its_zero_point()
    {
        var (graph, _, node) = s_broken["missing-zero-point"]();
        graph.Remake(graph.Nodes.First(found => found.Name == node), new QuantizeLinear { OutputType = DataType.Int8 }, [.. graph.Nodes.First(found => found.Name == node).Inputs.Take(2)], follow: true);
        Assert.Contains(Check(graph, null, Releases("8.6")), violation => violation.Rule == "missing-zero-point");
        Assert.DoesNotContain(Check(graph, null, Releases("9-11")), violation => violation.Rule == "missing-zero-point");
    }

    [Theory]
    [InlineData(6, 0)]
    [InlineData(7, 1)]
    public void The_last_axis_of_an_INT4_weight_is_even(int last, int violations)
    {
        var graph = new Graph();
        var weight = graph.Add(new DequantizeLinear(), graph.AddConstant("w", Tensor.Zeros(DataType.Int4, new Shape(4, last))), graph.AddConstant("s", Tensor.Scalar(0.1f)));
        graph.AddOutput(graph.Add(new MatMul(), graph.AddInput("x", TensorType.Float32(2, 4)), weight));
        Assert.Equal(violations, Check(graph, new OnnxFileContents(21, []), Releases("10.15-11")).Count(violation => violation.Rule == "quantized-type"));
    }

    [Theory]
    [InlineData("10", "10")]
    [InlineData("8.6", "8.6")]
    [InlineData("8.6-11", "8.6 to 11")]
    [InlineData("8-8", "8")]
    public void Versions_are_read_and_written(string text, string written)
    {
        Assert.True(RuntimeVersions.TryParse(text, out var versions));
        Assert.Equal(written, versions.ToString());
    }

    [Theory]
    [InlineData("")]
    [InlineData("ten")]
    [InlineData("11-8")]
    [InlineData("8.6.1")]
    [InlineData("8-9-10")]
    [InlineData("-8")]
    [InlineData("8.")]
    public void What_is_not_a_range_of_versions_is_refused(string text) => Assert.False(RuntimeVersions.TryParse(text, out _));

    [Theory]
    [InlineData(8, "--int8")]
    [InlineData(9, "--int8")]
    [InlineData(10, "--stronglyTyped")]
    [InlineData(11, null)]
    public void The_trtexec_command_has_the_precision_option_of_the_release(int version, string? option)
    {
        var command = TrtexecCommand.Of(Quantized(), "a net.onnx", "net.engine", version, (1, 4, 8));
        Assert.Equal(["trtexec", "--onnx=a net.onnx", "--saveEngine=net.engine", "--minShapes=x:1x3x8x8", "--optShapes=x:4x3x8x8", "--maxShapes=x:8x3x8x8", .. option is null ? Array.Empty<string>() : [option]], command);
        Assert.StartsWith("trtexec '--onnx=a net.onnx' --saveEngine=net.engine ", TrtexecCommand.Quoted(command), StringComparison.Ordinal);
    }

    [Fact]
    public void The_trtexec_command_enables_sparsity_when_a_layer_is_2_4_sparse()
    {
        var graph = Pruner.Prune(TestNetwork.Residual()).Graph;
        Assert.Contains("--sparsity=enable", TrtexecCommand.Of(graph, "net.onnx", "net.engine", 10, (1, 1, 1)));
        Assert.DoesNotContain("--sparsity=enable", TrtexecCommand.Of(TestNetwork.Residual(), "net.onnx", "net.engine", 10, (1, 1, 1)));
    }

    [Fact]
    public void A_size_that_stays_open_has_no_trtexec_command()
    {
        var graph = new Graph();
        graph.AddOutput(graph.Add(new Relu(), graph.AddInput("x", TensorType.Float32(Dim.Named("N"), 3, Dim.Named("H"), 8))));
        Assert.Contains("'H'", Assert.Throws<PithException>(() => TrtexecCommand.Of(graph, "net.onnx", "net.engine", 10, (1, 1, 1))).Message, StringComparison.Ordinal);
    }

    private static IReadOnlyList<Violation> Check(Graph graph, OnnxFileContents? file, RuntimeVersions? versions = null) => TensorRtCheck.Run(graph, file ?? OnnxModel.ContentsOf(graph), versions ?? s_everything);

    private static RuntimeVersions Releases(string text)
    {
        Assert.True(RuntimeVersions.TryParse(text, out var range));
        return range;
    }

    private static Graph Of(Func<TestNetwork, Value> build)
    {
        var net = new TestNetwork(3, 8);
        var result = build(net);
        net.Graph.AddOutput(result);
        return net.Graph;
    }

    /// <summary>The dequantized <paramref name="x"/>.</summary>
    private static Value Pair(TestNetwork net, Value x)
    {
        var (scale, zero) = (net.Graph.AddConstant("scale", Tensor.Scalar(0.05f)), net.Graph.AddConstant("zero", Tensor.Scalar((sbyte)0)));
        return net.Graph.AddNode(new DequantizeLinear(), [net.Graph.AddNode(new QuantizeLinear(), [x, scale, zero], "q").Output, scale, zero], "dq", ["q:dq"]).Output;
    }

    private static Graph Quantized(QuantizationSettings? settings = null)
    {
        var graph = TestNetwork.Residual();
        settings ??= new QuantizationSettings { Calibrator = new MaxCalibrator() };
        TestNetwork.Quantize(graph, settings);
        PassRunner.RunToFixpoint(graph, QuantizationPasses.Finish(settings));
        return graph;
    }

    private static Graph Changed(string node, Action<Graph, Node> change)
    {
        var graph = Quantized();
        var found = graph.Nodes.Single(known => known.Name == node);
        change(graph, found);
        return graph;
    }
}

internal static class GraphChanges
{
    /// <summary>Puts a node with another op and operands in the place of <paramref name="node"/>, under its name; with <paramref name="follow"/> what reads it is rebuilt as uint8.</summary>
    public static void Remake(this Graph graph, Node node, Op op, Value?[] inputs, bool follow = false)
    {
        var name = node.Name;
        var made = graph.AddNode(op, inputs);
        if (!follow)
        {
            graph.ReplaceAllUses(node.Output, made.Output);
        }
        else
        {
            foreach (var use in node.Output.Uses.ToArray())
            {
                var reader = graph.AddNode(use.Node.Op, [made.Output, use.Node.Inputs[1]]);
                graph.ReplaceAllUses(use.Node.Output, reader.Output);
                graph.Remove(use.Node);
            }
        }
        graph.Remove(node);
        graph.Rename(made, name);
    }
}
