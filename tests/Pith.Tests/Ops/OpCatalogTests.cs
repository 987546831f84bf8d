using Pith.Ops;

namespace Pith.Tests.Ops;

public class OpCatalogTests
{
    [Fact]
    public void Every_op_is_listed()
    {
        var definitions = typeof(Op).Assembly.GetTypes()
            .Where(type => type.IsSubclassOf(typeof(Op)) && !type.IsAbstract)
            .Select(type => (type.Name, Definition: type.GetProperty("Definition")?.GetValue(null)));
        Assert.Empty(definitions.Where(op => op.Definition is not OpSchema schema || !OpCatalog.All.Contains(schema)).Select(op => op.Name));
    }

    [Fact]
    public void An_op_is_found_under_both_names_of_the_standard_domain()
    {
        Assert.Same(Add.Definition, OpCatalog.Find("", "Add"));
        Assert.Same(Add.Definition, OpCatalog.Find("ai.onnx", "Add"));
        Assert.Null(OpCatalog.Find("com.example", "Add"));
    }
}
