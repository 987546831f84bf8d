using Google.Protobuf;
using Pith.Onnx;

namespace Pith.Tests.Onnx;

public class ImportTests
{
    private static ModelBuilder ReluOf(params object[] dims) => new ModelBuilder().Input("x", dims).Node("Relu", "relu", ["x"], ["y"]).Output("y");

    [Fact]
    public void A_model_becomes_a_graph_with_its_names()
    {
        var graph = ReluOf("batch", 3).Load();
        Assert.Equal("graph test(%x:f32[batch,3])\n  %y:f32[batch,3] = Relu %x  # relu\n  return %y\n", graph.ToString());
    }

    [Fact]
    public void Nodes_may_stand_in_any_order()
    {
        var graph = new ModelBuilder().Input("x", 2).Node("Relu", "second", ["a"], ["y"]).Node("Relu", "first", ["x"], ["a"]).Output("y").Load();
        Assert.Equal(["first", "second"], graph.Nodes.Select(node => node.Name));
    }

    [Theory]
    [InlineData(null, "f32[N,4]")]
    [InlineData(0, "f32[N,4]")]
    [InlineData(-1, "f32[N,4]")]
    [InlineData("?", "f32[N,4]")]
    [InlineData("7", "f32[7,4]")]
    [InlineData("batch", "f32[batch,4]")]
    public void Dimensions_without_a_size_get_a_symbol(object? dim, string expected) => Assert.Equal(expected, ReluOf(dim!, 4).Load().Inputs[0].Type.ToString());

    [Fact]
    public void New_symbols_differ_from_those_of_the_file()
    {
        var graph = new ModelBuilder().Input("x", null!, "x_d2", null!).Input("z", "N", null!).Node("Relu", "relu", ["x"], ["y"]).Output("y").Load();
        Assert.Equal("f32[x_d0,x_d2,x_d2_1]", graph.Inputs[0].Type.ToString());
        Assert.Equal("f32[N,z_d1]", graph.Inputs[1].Type.ToString());
    }

    [Fact]
    public void Initializers_that_are_listed_as_inputs_are_constants()
    {
        var graph = new ModelBuilder().Input("x", 2).Input("w", 2).Initializer("w", Tensor.Vector(1f, 2f)).Node("Add", "add", ["x", "w"], ["y"]).Output("y").Load();
        Assert.Equal("x", Assert.Single(graph.Inputs).Name);
        Assert.Equal([1f, 2f], graph.Find("w")!.Constant!.As<float>().Data);
    }

    [Fact]
    public void Every_form_of_a_Constant_node_becomes_a_constant()
    {
        var model = new ModelBuilder();
        (string Name, AttributeProto Value, string Expected)[] forms =
        [
            ("value", new AttributeProto { Type = AttributeProto.Types.AttributeType.Tensor, T = TensorWriter.Write(Tensor.Vector(1, 2)) }, "s32[2]"),
            ("value_float", new AttributeProto { Type = AttributeProto.Types.AttributeType.Float, F = 1 }, "f32[]"),
            ("value_floats", new AttributeProto { Type = AttributeProto.Types.AttributeType.Floats, Floats = { 1, 2 } }, "f32[2]"),
            ("value_int", new AttributeProto { Type = AttributeProto.Types.AttributeType.Int, I = 1 }, "s64[]"),
            ("value_ints", new AttributeProto { Type = AttributeProto.Types.AttributeType.Ints, Ints = { 1, 2, 3 } }, "s64[3]"),
        ];
        foreach (var (name, value, _) in forms)
        {
            value.Name = name;
            model.Node("Constant", "", [], [name + ":out"], value).Output(name + ":out");
        }
        var graph = model.Load();
        Assert.Empty(graph.Nodes);
        Assert.Equal(forms.Select(form => form.Expected), graph.Outputs.Select(output => output.Constant!.ToString()));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Sparse_initializers_are_made_dense(bool linear)
    {
        var sparse = new SparseTensorProto { Values = TensorWriter.Write(Tensor.Vector(5f, 7f), "w"), Indices = TensorWriter.Write(linear ? Tensor.Vector(1L, 5) : Tensor.Create(new Shape(2, 2), new long[] { 0, 1, 1, 2 })) };
        sparse.Dims.AddRange([2, 3]);
        var model = new ModelBuilder().Input("x", 2, 3).Node("Add", "add", ["x", "w"], ["y"]).Output("y");
        model.Proto.Graph.SparseInitializer.Add(sparse);
        Assert.Equal([0f, 5, 0, 0, 0, 7], model.Load().Find("w")!.Constant!.As<float>().Data);
        sparse.Dims[1] = 1;
        Assert.Contains("Sparse tensor 'w' of shape [2,1] has a value at", model.LoadError(), StringComparison.Ordinal);
        sparse.Dims[1] = 1 << 27;
        Assert.Contains("more than", model.LoadError(), StringComparison.Ordinal);
    }

    [Fact]
    public void Metadata_and_texts_survive()
    {
        var model = ReluOf(1);
        model.Proto.DocString = "about the model";
        model.Proto.Graph.DocString = "about the graph";
        model.Proto.MetadataProps.Add(new StringStringEntryProto { Key = "pith.mean", Value = "0.5" });
        var written = ModelProto.Parser.ParseFrom(OnnxModel.ToBytes(model.Load()));
        Assert.Equal(("about the model", "about the graph"), (written.DocString, written.Graph.DocString));
        Assert.Equal(("pith.mean", "0.5"), (written.MetadataProps.Single().Key, written.MetadataProps.Single().Value));
    }

    [Fact]
    public void External_data_is_found_beside_the_model_and_only_when_it_was_read_from_a_file()
    {
        var folder = Directory.CreateTempSubdirectory("pith-external-").FullName;
        try
        {
            var tensor = new TensorProto { Name = "w", Dims = { 2 }, DataType = 1, DataLocation = TensorProto.Types.DataLocation.External };
            tensor.ExternalData.Add(new StringStringEntryProto { Key = "location", Value = "data/w.bin" });
            var model = new ModelBuilder().Input("x", 2).Initializer(tensor).Node("Add", "add", ["x", "w"], ["y"]).Output("y");
            Directory.CreateDirectory(Path.Combine(folder, "data"));
            File.WriteAllBytes(Path.Combine(folder, "data", "w.bin"), [.. BitConverter.GetBytes(1.5f), .. BitConverter.GetBytes(2.5f)]);
            File.WriteAllBytes(Path.Combine(folder, "model.onnx"), model.Proto.ToByteArray());
            Assert.Equal([1.5f, 2.5f], OnnxModel.Load(Path.Combine(folder, "model.onnx")).Find("w")!.Constant!.As<float>().Data);
            Assert.Contains("Load it by its path", model.LoadError(), StringComparison.Ordinal);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public void A_bound_input_becomes_a_constant()
    {
        var model = new ModelBuilder().Input("x", 2).Input("b", 2).Node("Add", "add", ["x", "b"], ["y"]).Output("y");
        var graph = model.Load(new OnnxImportOptions { BoundInputs = new Dictionary<string, Tensor> { ["b"] = Tensor.Vector(1f, 2f) } });
        Assert.Equal("x", Assert.Single(graph.Inputs).Name);
        var wrong = new OnnxImportOptions { BoundInputs = new Dictionary<string, Tensor> { ["b"] = Tensor.Vector(1L, 2L) } };
        Assert.Contains("declared f32[2]", Assert.Throws<PithException>(() => model.Load(wrong)).Message, StringComparison.Ordinal);
        var unknown = new OnnxImportOptions { BoundInputs = new Dictionary<string, Tensor> { ["c"] = Tensor.Vector(1f) } };
        Assert.Contains("no input 'c'", Assert.Throws<PithException>(() => model.Load(unknown)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_no_output_needs_is_left_out()
    {
        var graph = ReluOf(2).Initializer("unused", Tensor.Scalar(1f)).Node("Relu", "dead", ["x"], ["z"]).Load();
        Assert.Equal("relu", Assert.Single(graph.Nodes).Name);
        Assert.Empty(graph.Constants);
    }

    [Fact]
    public void A_node_without_a_name_is_called_after_its_output() =>
        Assert.Equal("y", Assert.Single(new ModelBuilder().Input("x", 2).Node("Relu", "", ["x"], ["y"]).Output("y").Load().Nodes).Name);

    [Fact]
    public void Attributes_of_old_opsets_become_operands_of_the_datas_type()
    {
        var graph = new ModelBuilder(7).Input("x", DataType.Float16, 2)
            .Node("Clip", "clip", ["x"], ["y"], new AttributeProto { Name = "max", Type = AttributeProto.Types.AttributeType.Float, F = 6 }).Output("y").Load();
        var clip = Assert.Single(graph.Nodes);
        Assert.Null(clip.Input(1));
        Assert.Equal((Half)6, clip.Input(2)!.Constant!.As<Half>().Data[0]);
    }

    [Fact]
    public void Operands_that_are_computed_from_constants_and_fixed_shapes_are_known()
    {
        var graph = new ModelBuilder().Input("x", "N", 6).Initializer("half", Tensor.Scalar(2L)).Initializer("one", Tensor.Scalar(1L)).Initializer("open", Tensor.Vector(-1L))
            .Initializer("axis", Tensor.Vector(0L))
            .Node("Shape", "shape", ["x"], ["dims"]).Node("Gather", "gather", ["dims", "one"], ["six"]).Node("Div", "div", ["six", "half"], ["three"])
            .Node("Unsqueeze", "unsqueeze", ["three", "axis"], ["last"]).Node("Concat", "target", ["open", "last"], ["to"], new AttributeProto { Name = "axis", Type = AttributeProto.Types.AttributeType.Int })
            .Node("Reshape", "reshape", ["x", "to"], ["y"]).Output("y").Load();
        Assert.Equal("f32[2*N,3]", graph.Outputs[0].Type.ToString());
    }

    [Theory]
    [InlineData(0)]
    [InlineData(22)]
    [InlineData(1000)]
    public void An_opset_out_of_range_is_refused(int opset)
    {
        var message = new ModelBuilder(opset).Input("x", 2).Node("Relu", "relu", ["x"], ["y"]).Output("y").LoadError();
        Assert.Contains($"opset {opset}; Pith reads 7 to 21", message, StringComparison.Ordinal);
    }

    [Fact]
    public void Before_opset_7_only_ops_that_did_not_change_are_read()
    {
        Assert.Single(new ModelBuilder(6).Input("x", 2).Node("Relu", "relu", ["x"], ["y"]).Output("y").Load().Nodes);
        var message = new ModelBuilder(6).Input("x", 2).Node("Add", "sum", ["x", "x"], ["y"]).Output("y").LoadError();
        Assert.Contains("Add 'sum' (opset 6)", message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_unsupported_op_is_named_with_node_domain_and_opset()
    {
        var message = new ModelBuilder().Input("x", 2).Node("ReLU6x", "act/1", ["x"], ["y"]).Output("y").LoadError();
        Assert.Contains("op 'ReLU6x' (domain ai.onnx, opset 17) of node 'act/1' is not supported", message, StringComparison.Ordinal);
        Assert.Contains("control flow", new ModelBuilder().Input("x", 2).Node("If", "branch", ["x"], ["y"]).Output("y").LoadError(), StringComparison.Ordinal);
    }

    [Fact]
    public void The_nearest_op_is_suggested() =>
        Assert.Contains("'Relu'", new ModelBuilder().Input("x", 2).Node("ReLu", "act", ["x"], ["y"]).Output("y").LoadError(), StringComparison.Ordinal);

    [Fact]
    public void An_attribute_that_nobody_reads_is_refused()
    {
        var message = new ModelBuilder().Input("x", 2)
            .Node("Relu", "act", ["x"], ["y"], new AttributeProto { Name = "slope", Type = AttributeProto.Types.AttributeType.Float, F = 1 }).Output("y").LoadError();
        Assert.Contains("Relu 'act' (opset 17): attribute 'slope' is not known", message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_sub_graph_is_refused_by_name()
    {
        var message = new ModelBuilder().Input("x", 2)
            .Node("Relu", "act", ["x"], ["y"], new AttributeProto { Name = "body", Type = AttributeProto.Types.AttributeType.Graph, G = new GraphProto() }).Output("y").LoadError();
        Assert.Contains("attribute 'body' is a sub-graph", message, StringComparison.Ordinal);
    }

    [Fact]
    public void Names_that_are_missing_or_given_twice_are_refused()
    {
        Assert.Contains("reads 'z', which no node", new ModelBuilder().Input("x", 2).Node("Relu", "act", ["z"], ["y"]).Output("y").LoadError(), StringComparison.Ordinal);
        Assert.Contains("both write 'y'", new ModelBuilder().Input("x", 2).Node("Relu", "a", ["x"], ["y"]).Node("Relu", "b", ["x"], ["y"]).Output("y").LoadError(), StringComparison.Ordinal);
        Assert.Contains("writes 'x', which is an input", new ModelBuilder().Input("x", 2).Node("Relu", "a", ["x"], ["x"]).Output("x").LoadError(), StringComparison.Ordinal);
        Assert.Contains("output 'q'", ReluOf(2).Output("q").LoadError(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_cycle_is_refused()
    {
        var message = new ModelBuilder().Input("x", 2).Node("Add", "a", ["x", "c"], ["b"]).Node("Relu", "r", ["b"], ["c"]).Output("c").LoadError();
        Assert.Contains("cycle", message, StringComparison.Ordinal);
        Assert.Contains("Relu 'r'", message, StringComparison.Ordinal);
    }

    [Fact]
    public void Inputs_that_are_no_tensors_or_have_no_rank_are_refused()
    {
        var sequence = ReluOf(2);
        sequence.Proto.Graph.Input[0].Type = new TypeProto { SequenceType = new TypeProto.Types.Sequence() };
        Assert.Contains("Input 'x' is a sequence", sequence.LoadError(), StringComparison.Ordinal);
        var rankless = ReluOf(2);
        rankless.Proto.Graph.Input[0].Type.TensorType.Shape = null;
        Assert.Contains("how many dimensions", rankless.LoadError(), StringComparison.Ordinal);
    }
}
