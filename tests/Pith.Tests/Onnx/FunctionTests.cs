using Pith.Onnx;

namespace Pith.Tests.Onnx;

/// <summary>Functions that a file defines are inlined.</summary>
public class FunctionTests
{
    private const string Domain = "user";

    private static FunctionProto Function(string name, string[] inputs, string[] outputs, params NodeProto[] nodes)
    {
        var function = new FunctionProto { Name = name, Domain = Domain };
        function.Input.AddRange(inputs);
        function.Output.AddRange(outputs);
        function.Node.AddRange(nodes);
        function.OpsetImport.Add(new OperatorSetIdProto { Version = 17 });
        return function;
    }

    private static NodeProto Node(string op, string[] inputs, string[] outputs, params AttributeProto[] attributes)
    {
        var node = new NodeProto { OpType = op };
        node.Input.AddRange(inputs);
        node.Output.AddRange(outputs);
        node.Attribute.AddRange(attributes);
        return node;
    }

    private static NodeProto Call(string function, string[] inputs, string[] outputs, params AttributeProto[] attributes)
    {
        var node = Node(function, inputs, outputs, attributes);
        node.Domain = Domain;
        return node;
    }

    private static ModelBuilder Model(NodeProto call, params FunctionProto[] functions)
    {
        var model = new ModelBuilder().Input("x", 2).Output("y");
        model.Proto.OpsetImport.Add(new OperatorSetIdProto { Domain = Domain, Version = 1 });
        model.Proto.Graph.Node.Add(call);
        model.Proto.Functions.AddRange(functions);
        return model;
    }

    private static float[] Run(ModelBuilder model) => GraphInterpreter.Run(model.Load(), [Tensor.Vector(-1f, 3f)])[0].As<float>().Data;

    [Fact]
    public void Nested_functions_get_names_of_their_own()
    {
        var square = Function("Square", ["x"], ["y"], Node("Mul", ["x", "x"], ["y"]));
        var twice = Function("Twice", ["x"], ["y"], Call("Square", ["x"], ["t"]), Call("Square", ["t"], ["y"]));
        var model = Model(Call("Twice", ["x"], ["y"]), square, twice);
        Assert.Equal([1f, 81], Run(model));
        Assert.Equal("graph test(%x:f32[2])\n  %y/t:f32[2] = Mul %x, %x  # y/t\n  %y:f32[2] = Mul %y/t, %y/t  # y\n  return %y\n", model.Load().ToString());
    }

    [Fact]
    public void Names_inside_never_meet_those_outside()
    {
        // The graph has a value 'y/t', and the function reads a 't' that is not the graph's.
        var function = Function("F", ["x"], ["y"], Node("Neg", ["x"], ["t"]), Node("Abs", ["t"], ["y"]));
        var model = Model(Call("F", ["y/t"], ["y"]), function).Node("Relu", "t", ["x"], ["y/t"]);
        Assert.Equal([0f, 3], Run(model));
        var captures = Function("F", ["x"], ["y"], Node("Add", ["x", "outer"], ["y"]));
        Assert.Contains("reads 'y/outer'", Model(Call("F", ["x"], ["y"]), captures).Initializer("outer", Tensor.Scalar(1f)).LoadError(), StringComparison.Ordinal);
    }

    [Fact]
    public void Attributes_come_from_the_call_or_from_the_default_or_are_absent()
    {
        var leaky = Function("Leaky", ["x"], ["y"], Node("LeakyRelu", ["x"], ["y"], Attributes.Reference("alpha", AttributeProto.Types.AttributeType.Float, "slope")));
        leaky.AttributeProto.Add(Attributes.Float("slope", 0.5f));
        Assert.Equal([-0.5f, 3], Run(Model(Call("Leaky", ["x"], ["y"]), leaky)));
        Assert.Equal([-2f, 3], Run(Model(Call("Leaky", ["x"], ["y"], Attributes.Float("slope", 2)), leaky)));
        Assert.Contains("attribute 'gamma'", Model(Call("Leaky", ["x"], ["y"], Attributes.Float("gamma", 2)), leaky).LoadError(), StringComparison.Ordinal);
        leaky.AttributeProto.Clear();
        leaky.Attribute.Add("slope");
        Assert.Equal([-0.01f, 3], Run(Model(Call("Leaky", ["x"], ["y"]), leaky)));
    }

    [Fact]
    public void Operands_and_results_may_be_absent()
    {
        var clip = Function("F", ["x", "low", "high"], ["y", "unused"], Node("Clip", ["x", "low", "high"], ["y"]), Node("Relu", ["x"], ["unused"]));
        var model = Model(Call("F", ["x", "", "two"], ["y"]), clip).Initializer("two", Tensor.Scalar(2f));
        Assert.Equal([-1f, 2], Run(model));
        Assert.Equal([-1f, 3], Run(Model(Call("F", ["x"], ["y", ""]), clip)));
        Assert.Contains("with 4 operands, which has 3", Model(Call("F", ["x", "x", "x", "x"], ["y"]), clip).LoadError(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_function_may_return_its_operand()
    {
        var function = Function("F", ["x"], ["x", "x"]);
        Assert.Equal([-1f, 3], Run(Model(Call("F", ["x"], ["y"]), function)));
        Assert.Equal([-2f, 6], Run(Model(Node("Add", ["a", "b"], ["y"]), function).Node("F", "f", ["x"], ["a", "b"]).InDomain(Domain)));
    }

    [Fact]
    public void A_function_has_its_own_opset()
    {
        // ReduceSum has its axes as an attribute before opset 13; the model is of opset 17.
        var function = Function("F", ["x"], ["y"], Node("ReduceSum", ["x"], ["y"], Attributes.Ints("axes", 0)));
        function.OpsetImport[0].Version = 11;
        Assert.Equal([2f], Run(Model(Call("F", ["x"], ["y"]), function)));
        function.OpsetImport[0].Version = 99;
        Assert.Contains("function 'F' of domain 'user' uses ONNX opset 99", Model(Call("F", ["x"], ["y"]), function).LoadError(), StringComparison.Ordinal);
    }

    [Fact]
    public void The_files_function_is_meant_where_an_op_has_the_same_name()
    {
        var relu = Function("Relu", ["x"], ["y"], Node("Neg", ["x"], ["y"]));
        relu.Domain = "";
        Assert.Equal([1f, -3], Run(Model(Node("Relu", ["x"], ["y"]), relu)));
    }

    [Fact]
    public void Recursion_and_what_grows_without_bound_are_refused()
    {
        var direct = Function("F", ["x"], ["y"], Call("F", ["x"], ["y"]));
        Assert.Contains("calls itself, directly", Model(Call("F", ["x"], ["y"]), direct).LoadError(), StringComparison.Ordinal);
        var (f, g) = (Function("F", ["x"], ["y"], Call("G", ["x"], ["y"])), Function("G", ["x"], ["y"], Call("F", ["x"], ["y"])));
        Assert.Contains("calls itself, through other functions", Model(Call("F", ["x"], ["y"]), f, g).LoadError(), StringComparison.Ordinal);

        var doubling = Enumerable.Range(1, 40).Select(i => Function($"F{i}", ["x"], ["y"], Call($"F{i - 1}", ["x"], ["t"]), Call($"F{i - 1}", ["t"], ["y"]))).Append(Function("F0", ["x"], ["x"]));
        Assert.Contains("more than 1048576 nodes", Model(Call("F40", ["x"], ["y"]), [.. doubling]).LoadError(), StringComparison.Ordinal);
        var deep = Enumerable.Range(1, 50_000).Select(i => Function($"F{i}", ["x"], ["y"], Call($"F{i - 1}", ["x"], ["y"])));
        Assert.Contains("more than 100 deep", Model(Call("F50000", ["x"], ["y"]), [.. deep]).LoadError(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_function_that_is_defined_twice_is_refused()
    {
        var function = Function("F", ["x"], ["x"]);
        Assert.Contains("defines function 'F' of domain 'user' twice", Model(Call("F", ["x"], ["y"]), function, function).LoadError(), StringComparison.Ordinal);
    }
}
